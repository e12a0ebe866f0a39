package ltsexporter

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configcompression"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

var componentType = component.MustNewType("lts")

// NewFactory makes the exporter `lts`, for logs.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(componentType, defaultConfig, exporter.WithLogs(newLogs, component.StabilityLevelDevelopment))
}

func defaultConfig() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = defaultTimeout
	client.Compression = configcompression.TypeGzip
	return &Config{
		ClientConfig: client,
		MaxBodyBytes: defaultBody,
		MaxRecords:   defaultRecords,
		MaxAge:       defaultAge,
		IAM:          IAMConfig{RefreshBefore: defaultRefresh},
		QueueConfig:  configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		RetryConfig:  configretry.NewDefaultBackOffConfig(),
	}
}

func newLogs(ctx context.Context, settings exporter.Settings, given component.Config) (exporter.Logs, error) {
	config := given.(*Config)
	made, err := newExporter(config, settings.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return exporterhelper.NewLogs(ctx, settings, config, made.push,
		exporterhelper.WithStart(made.start),
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}), // the client has its own
		exporterhelper.WithQueue(config.QueueConfig),
		exporterhelper.WithRetry(config.RetryConfig),
	)
}
