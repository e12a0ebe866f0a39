package ltsexporter

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

const (
	okBody     = `{"errorCode":"SVCSTG.ALS.200.200","error_msg":"Report success.","result":null}`
	streamPath = "/v2/p1/lts/groups/g1/streams/s1/tenant/contents/high-accuracy"
)

// lts is a double of LTS: it answers with the next status of a list, 200 after that, and keeps what it took.
type lts struct {
	*httptest.Server
	lock     sync.Mutex
	statuses []int
	headers  map[string]string
	tokens   []string
	bodies   []map[string]any
	faults   []string
}

func newLTS(t *testing.T, statuses ...int) *lts {
	t.Helper()
	made := &lts{statuses: statuses}
	made.Server = httptest.NewServer(http.HandlerFunc(made.serve))
	t.Cleanup(made.Close)
	return made
}

func (l *lts) serve(w http.ResponseWriter, r *http.Request) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.tokens = append(l.tokens, r.Header.Get("X-Auth-Token"))
	body, err := unzipped(r)
	if err != nil || r.URL.Path != streamPath || r.Header.Get("Content-Type") != "application/json;charset=UTF-8" {
		l.faults = append(l.faults, fmt.Sprint(err, r.URL.Path, r.Header))
	}
	if len(l.statuses) > 0 {
		status := l.statuses[0]
		l.statuses = l.statuses[1:]
		if status != http.StatusOK {
			for name, value := range l.headers {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			fmt.Fprint(w, `{"errorCode":"SVCSTG.ALS.403.105","error_msg":"refused","result":null}`)
			return
		}
	}
	l.bodies = append(l.bodies, body)
	fmt.Fprint(w, okBody)
}

func unzipped(r *http.Request) (map[string]any, error) {
	reader, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		return nil, err
	}
	var body map[string]any
	return body, json.Unmarshal(text, &body)
}

// lines returns the body texts of all records that were taken, in order.
func (l *lts) lines(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, body := range l.bodies {
		for _, one := range body["contents"].([]any) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(one.(map[string]any)["log"].(string)), &fields); err != nil {
				t.Fatal(err)
			}
			found = append(found, fields["body"].(string))
		}
	}
	return found
}

func started(t *testing.T, address string, change func(*Config)) (*ltsExporter, *componenttest.Telemetry) {
	t.Helper()
	config := defaultConfig().(*Config)
	config.ClientConfig.Endpoint = address
	config.ProjectID, config.LogGroupID, config.LogStreamID = "p1", "g1", "s1"
	config.Labels = map[string]string{"service": "letta"}
	config.Token = "token-1"
	if change != nil {
		change(config)
	}
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { _ = telemetry.Shutdown(context.Background()) })
	made, err := newExporter(config, telemetry.NewTelemetrySettings())
	if err != nil {
		t.Fatal(err)
	}
	made.now = func() time.Time { return now }
	if err := made.start(context.Background(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	return made, telemetry
}

func logsOf(bodies ...string) plog.Logs {
	logs := plog.NewLogs()
	for at, body := range bodies { // each under a resource of its own, so that positions have all their parts
		scope := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
		recordOf(body).CopyTo(scope.LogRecords().AppendEmpty())
		scope.LogRecords().At(0).SetTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(at))))
	}
	return logs
}

func counted(t *testing.T, telemetry *componenttest.Telemetry, name string) int64 {
	t.Helper()
	metric, err := telemetry.GetMetric(name)
	if err != nil {
		return 0
	}
	var sum int64
	for _, point := range metric.Data.(metricdata.Sum[int64]).DataPoints {
		sum += point.Value
	}
	return sum
}

func TestRecordsArriveZippedWithTheirOwnTimesAndLabels(t *testing.T) {
	server := newLTS(t)
	exporter, telemetry := started(t, server.URL, nil)
	if err := exporter.push(context.Background(), logsOf("one", "two")); err != nil {
		t.Fatal(err)
	}
	if len(server.faults) > 0 || strings.Join(server.lines(t), " ") != "one two" {
		t.Fatal(server.faults, server.bodies)
	}
	first := server.bodies[0]["contents"].([]any)[0].(map[string]any)
	if int64(first["log_time_ns"].(float64))/1e9 != now.Unix() {
		t.Error(first)
	}
	if labels := server.bodies[0]["labels"].(map[string]any); labels["service"] != "letta" {
		t.Error(labels)
	}
	if server.tokens[0] != "token-1" || counted(t, telemetry, "otelcol_lts_records_sent") != 2 {
		t.Error(server.tokens)
	}
}

func TestABatchIsCutToTheSizeOfARequestAndOnlyTheRestIsSentAgain(t *testing.T) {
	long := strings.Repeat("x", 900)
	server := newLTS(t, 200, 503)
	exporter, _ := started(t, server.URL, func(c *Config) { c.MaxBodyBytes = 4096 })
	err := exporter.push(context.Background(), logsOf("a"+long, "b"+long, "c"+long, "d"+long, "e"+long))
	var rest consumererror.Logs
	if !errors.As(err, &rest) || consumererror.IsPermanent(err) {
		t.Fatal(err)
	}
	taken := len(server.lines(t))
	if taken == 0 || taken+rest.Data().LogRecordCount() != 5 {
		t.Fatal(taken, rest.Data().LogRecordCount())
	}
	if err := exporter.push(context.Background(), rest.Data()); err != nil {
		t.Fatal(err)
	}
	var firsts string
	for _, one := range server.lines(t) {
		firsts += one[:1]
	}
	if firsts != "abcde" {
		t.Error(firsts)
	}
}

func TestWhatALTSAnswersDecidesWhatBecomesOfTheRecords(t *testing.T) {
	for status, isLost := range map[int]bool{
		400: true, 404: true, 413: true, 401: false, 403: false, 408: false, 429: false, 500: false, 502: false, 503: false, 504: false,
	} {
		server := newLTS(t, status)
		exporter, telemetry := started(t, server.URL, nil)
		err := exporter.push(context.Background(), logsOf("one"))
		if err == nil || consumererror.IsPermanent(err) != isLost {
			t.Errorf("%d: found %v, lost is %v", status, err, isLost)
		}
		if counted(t, telemetry, "otelcol_lts_requests_refused") != 1 {
			t.Errorf("%d is not counted", status)
		}
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	for said, wanted := range map[string]string{
		"2": "2s", now.Add(3 * time.Second).Format(http.TimeFormat): "3s", "soon": "",
	} {
		server := newLTS(t, 429)
		server.headers = map[string]string{"Retry-After": said}
		exporter, _ := started(t, server.URL, nil)
		exporter.now = func() time.Time { return now.Truncate(time.Second) }
		err := exporter.push(context.Background(), logsOf("one"))
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%s: found %v", said, err)
		}
	}
}

func TestOneBodyThatLTSCannotTakeKeepsNoOtherBack(t *testing.T) {
	server := newLTS(t, 413)
	exporter, _ := started(t, server.URL, func(c *Config) { c.MaxRecords = 1 })
	err := exporter.push(context.Background(), logsOf("one", "two", "three"))
	if !consumererror.IsPermanent(err) || strings.Join(server.lines(t), " ") != "two three" {
		t.Error(err, server.lines(t))
	}
}

func TestRecordsThatLTSWouldDropAreCountedApart(t *testing.T) {
	server := newLTS(t)
	exporter, telemetry := started(t, server.URL, nil)
	logs := logsOf("old", "new", "to come")
	at := func(index int) plog.LogRecord {
		return logs.ResourceLogs().At(index).ScopeLogs().At(0).LogRecords().At(0)
	}
	at(0).SetTimestamp(pcommon.NewTimestampFromTime(now.Add(-49 * time.Hour)))
	at(2).SetTimestamp(pcommon.NewTimestampFromTime(now.Add(49 * time.Hour)))
	if err := exporter.push(context.Background(), logs); err != nil {
		t.Fatal(err)
	}
	if strings.Join(server.lines(t), " ") != "new" || counted(t, telemetry, "otelcol_lts_records_not_sent") != 2 {
		t.Error(server.lines(t))
	}
}

// iam is a double of IAM.
func iam(t *testing.T, holds time.Duration) (*httptest.Server, *int) {
	t.Helper()
	given := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Auth struct {
				Identity struct {
					Password struct {
						User struct{ Name, Password string }
					}
				}
				Scope struct{ Project struct{ Name string } }
			}
		}
		err := json.NewDecoder(r.Body).Decode(&asked)
		user := asked.Auth.Identity.Password.User
		if err != nil || user.Name != "writer" || user.Password != "pw" || asked.Auth.Scope.Project.Name != "cn-north-4" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		given++
		w.Header().Set("X-Subject-Token", fmt.Sprintf("iam-%d", given))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"token":{"expires_at":%q}}`, now.Add(holds).Format("2006-01-02T15:04:05.000000Z"))
	}))
	t.Cleanup(server.Close)
	return server, &given
}

func withIAM(address, password string) func(*Config) {
	return func(c *Config) {
		c.Token = ""
		c.IAM.Endpoint, c.IAM.Domain, c.IAM.Project, c.IAM.User = address, "account", "cn-north-4", "writer"
		c.IAM.Password = configopaque.String(password)
	}
}

func TestATokenOfIAMIsFetchedOnceAndAnewWhenItEndsOrIsRefused(t *testing.T) {
	source, given := iam(t, 24*time.Hour)
	server := newLTS(t, 200, 200, 401)
	exporter, _ := started(t, server.URL, withIAM(source.URL, "pw"))
	push := func() error { return exporter.push(context.Background(), logsOf("one")) }
	if push() != nil || push() != nil || *given != 1 {
		t.Fatal(*given)
	}
	if push() == nil || push() != nil || *given != 2 { // refused, then with a new one
		t.Fatal(*given)
	}
	exporter.tokens.(*iamTokens).now = func() time.Time { return now.Add(23*time.Hour + time.Minute) }
	if push() != nil || *given != 3 {
		t.Fatal(*given)
	}
	if strings.Join(server.tokens, " ") != "iam-1 iam-1 iam-1 iam-2 iam-3" {
		t.Error(server.tokens)
	}
}

func TestWithoutATokenNothingIsLost(t *testing.T) {
	source, _ := iam(t, time.Hour)
	server := newLTS(t)
	exporter, _ := started(t, server.URL, withIAM(source.URL, "wrong"))
	err := exporter.push(context.Background(), logsOf("one"))
	if err == nil || consumererror.IsPermanent(err) || len(server.tokens) != 0 {
		t.Error(err)
	}
	if strings.Contains(err.Error(), "wrong") {
		t.Error("the password is in the error")
	}
}

func TestAConfigurationThatCannotBeIsRefusedWithEachReason(t *testing.T) {
	config := defaultConfig().(*Config)
	config.ClientConfig.Endpoint = "lts-access"
	config.MaxRecords = 0
	err := config.Validate()
	for _, wanted := range []string{"project_id", "log_group_id", "log_stream_id", "labels", "either token", "lts-access", "max_records"} {
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%s is missing in %v", wanted, err)
		}
	}
}
