package remotewrite

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusremotewriteexporter"
)

func one() pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	metric := metrics.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("depth")
	point := metric.SetEmptyGauge().DataPoints().AppendEmpty()
	point.SetTimestamp(pcommon.NewTimestampFromTime(time.Now()))
	point.SetIntValue(1)
	return metrics
}

func started(t *testing.T, answer http.HandlerFunc) exporter.Metrics {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	factory := NewFactory()
	config := factory.CreateDefaultConfig().(*prometheusremotewriteexporter.Config)
	config.ClientConfig.Endpoint = server.URL
	config.ClientConfig.TLS = configtls.ClientConfig{Insecure: true}
	config.TimeoutSettings.Timeout = 200 * time.Millisecond
	config.BackOffConfig.Enabled = false
	config.RemoteWriteQueue.Enabled = false
	made, err := factory.CreateMetrics(context.Background(), exportertest.NewNopSettings(factory.Type()), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Shutdown(context.Background()) })
	return made
}

func TestWhatCanBeRepeatedIsNoPermanentError(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"429":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"503":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"late": func(http.ResponseWriter, *http.Request) { time.Sleep(600 * time.Millisecond) },
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			err := started(t, answer).ConsumeMetrics(context.Background(), one())
			if err == nil || consumererror.IsPermanent(err) {
				t.Fatalf("found %v, wanted an error after which it is sent again", err)
			}
		})
	}
}

func TestARefusalStaysPermanent(t *testing.T) {
	refuse := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	err := started(t, refuse).ConsumeMetrics(context.Background(), one())
	if !consumererror.IsPermanent(err) {
		t.Fatalf("found %v, wanted a permanent error", err)
	}
}

func TestOtherErrorsAreLeftAsTheyAre(t *testing.T) {
	given := consumererror.NewPermanent(errors.New("bad data"))
	if found := repeatable(given); found != given {
		t.Fatalf("found %v", found)
	}
	if found := repeatable(nil); found != nil {
		t.Fatalf("found %v", found)
	}
}
