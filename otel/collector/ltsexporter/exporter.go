package ltsexporter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

const (
	accepted      = "SVCSTG.ALS.200.200"
	longestAnswer = 64 << 10
	scopeName     = "letta-slo/otel/collector/ltsexporter"
)

type ltsExporter struct {
	config    *Config
	telemetry component.TelemetrySettings
	address   string
	labels    []byte
	client    *http.Client
	tokens    tokens
	now       func() time.Time

	sent      metric.Int64Counter
	notSent   metric.Int64Counter
	refusals  metric.Int64Counter
	lock      sync.Mutex
	saidAbout string // the refusal that was logged last; a success forgets it
}

func newExporter(config *Config, telemetry component.TelemetrySettings) (*ltsExporter, error) {
	labels, err := encode(config.Labels)
	if err != nil {
		return nil, err
	}
	path := []string{"v2", config.ProjectID, "lts", "groups", config.LogGroupID, "streams", config.LogStreamID, "tenant", "contents", "high-accuracy"}
	for at, one := range path {
		path[at] = url.PathEscape(one)
	}
	made := &ltsExporter{
		config:    config,
		telemetry: telemetry,
		address:   strings.TrimRight(config.ClientConfig.Endpoint, "/") + "/" + strings.Join(path, "/"),
		labels:    labels,
		now:       time.Now,
	}
	return made, made.count()
}

func (e *ltsExporter) count() (err error) {
	meter := e.telemetry.MeterProvider.Meter(scopeName)
	if e.sent, err = meter.Int64Counter("otelcol_lts_records_sent",
		metric.WithUnit("{record}"), metric.WithDescription("Records that LTS said it has.")); err != nil {
		return err
	}
	if e.notSent, err = meter.Int64Counter("otelcol_lts_records_not_sent",
		metric.WithUnit("{record}"), metric.WithDescription("Records that LTS would drop or cannot take, by reason.")); err != nil {
		return err
	}
	e.refusals, err = meter.Int64Counter("otelcol_lts_requests_refused",
		metric.WithUnit("{request}"), metric.WithDescription("Requests that LTS refused, by status."))
	return err
}

func (e *ltsExporter) start(ctx context.Context, host component.Host) error {
	client, err := e.config.ClientConfig.ToClient(ctx, host.GetExtensions(), e.telemetry)
	if err != nil {
		return err
	}
	e.client = client
	if e.config.IAM.Endpoint == "" {
		e.tokens = fixedToken(e.config.Token)
		return nil
	}
	// Not the client above: it would compress the body, which IAM does not expect.
	plain := &http.Client{Timeout: e.config.ClientConfig.Timeout}
	e.tokens = &iamTokens{config: e.config.IAM, client: plain, now: e.now}
	return nil
}

func (e *ltsExporter) push(ctx context.Context, logs plog.Logs) error {
	most := limits{bodyBytes: e.config.MaxBodyBytes, records: e.config.MaxRecords, age: e.config.MaxAge}
	bodies, left, err := parts(logs, e.labels, e.now(), most)
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	e.tellNotSent(ctx, "too_old", left.outside)
	e.tellNotSent(ctx, "unfit", left.unfit)
	done := position{-1, -1, -1}
	var lost error
	for _, one := range bodies {
		err := e.send(ctx, one)
		if err != nil && !consumererror.IsPermanent(err) {
			return consumererror.NewLogs(err, after(logs, done))
		}
		lost = errors.Join(lost, err) // one body that LTS cannot take keeps none of the others back
		done = one.last
	}
	if lost != nil {
		return consumererror.NewPermanent(lost)
	}
	return nil
}

func (e *ltsExporter) send(ctx context.Context, one part) error {
	token, err := e.tokens.token(ctx)
	if err != nil {
		e.sayOnce("iam", err)
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.address, bytes.NewReader(one.body))
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	request.Header.Set("Content-Type", "application/json;charset=UTF-8")
	request.Header.Set("X-Auth-Token", token)
	answer, err := e.client.Do(request)
	if err != nil {
		return fmt.Errorf("LTS did not answer: %w", err)
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, longestAnswer)) // what is cut off says nothing that is needed
	code := codeOf(said)
	if answer.StatusCode == http.StatusOK && code == accepted {
		e.sent.Add(ctx, int64(one.records))
		e.sayOnce("", nil)
		return nil
	}
	return e.refusal(ctx, answer, code, token)
}

// refusal returns the error that says what becomes of the records: they are kept and sent again, or they are lost.
func (e *ltsExporter) refusal(ctx context.Context, answer *http.Response, code, token string) error {
	status := strconv.Itoa(answer.StatusCode)
	e.refusals.Add(ctx, 1, metric.WithAttributes(attribute.String("http.response.status_code", status)))
	err := fmt.Errorf("LTS answered %s %s", status, code)
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		// Nothing is wrong with the records: they wait until somebody has mended the credentials.
		if e.tokens.refuse(token) {
			return err
		}
		e.sayOnce(status+code, err)
		return err
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		e.sayOnce(status+code, err)
		return consumererror.NewPermanent(err)
	}
	if wait, isGiven := retryAfter(answer.Header.Get("Retry-After"), e.now()); isGiven {
		return exporterhelper.NewThrottleRetry(err, wait)
	}
	return err
}

// sayOnce logs a refusal when it is another one than the last; a success in between makes it another one.
func (e *ltsExporter) sayOnce(about string, err error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	if about != "" && about != e.saidAbout {
		e.telemetry.Logger.Error("records do not reach LTS", zap.Error(err))
	}
	e.saidAbout = about
}

func (e *ltsExporter) tellNotSent(ctx context.Context, reason string, records int) {
	if records == 0 {
		return
	}
	e.notSent.Add(ctx, int64(records), metric.WithAttributes(attribute.String("reason", reason)))
	e.telemetry.Logger.Warn("records are not sent to LTS", zap.String("reason", reason), zap.Int("records", records))
}

func codeOf(said []byte) string {
	var about struct {
		Code string `json:"errorCode"`
	}
	if json.Unmarshal(said, &about) != nil {
		return ""
	}
	return about.Code
}

// retryAfter reads the header: seconds, or a date.
func retryAfter(said string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(strings.TrimSpace(said)); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(said); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}
