// Package remotewrite is the community's exporter for remote write, which gives up too early for a queue that is never to
// lose anything: a 429 and an answer that does not come in time are permanent errors to it. Here both are not, so that
// what waits for AOM stays where it waits.
package remotewrite

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusremotewriteexporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/featuregate"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The exporter's own switch for 429, which is off as it comes.
const retryOn429 = "exporter.prometheusremotewritexporter.RetryOn429"

// NewFactory makes the exporter under its own name and with its own configuration.
func NewFactory() exporter.Factory {
	inner := prometheusremotewriteexporter.NewFactory()
	create := func(ctx context.Context, settings exporter.Settings, config component.Config) (exporter.Metrics, error) {
		if err := featuregate.GlobalRegistry().Set(retryOn429, true); err != nil {
			return nil, err
		}
		made, err := inner.CreateMetrics(ctx, settings, config)
		if err != nil {
			return nil, err
		}
		return &patient{Metrics: made}, nil
	}
	return exporter.NewFactory(inner.Type(), inner.CreateDefaultConfig, exporter.WithMetrics(create, inner.MetricsStability()))
}

type patient struct{ exporter.Metrics }

// ConsumeMetrics hands metrics on; an answer that did not come in time is an error after which they are sent again.
func (p *patient) ConsumeMetrics(ctx context.Context, metrics pmetric.Metrics) error {
	return repeatable(p.Metrics.ConsumeMetrics(ctx, metrics))
}

func repeatable(err error) error {
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
	if late && consumererror.IsPermanent(err) {
		return fmt.Errorf("no answer in time, so it is sent again: %v", err) // not %w, by which it would stay permanent
	}
	return err
}
