package ltsexporter

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

var now = time.Date(2026, 11, 21, 8, 0, 0, 123456000, time.UTC)

func recordOf(body string) plog.LogRecord {
	record := plog.NewLogRecord()
	record.SetTimestamp(pcommon.NewTimestampFromTime(now))
	record.SetSeverityText("WARN")
	record.Body().SetStr(body)
	return record
}

func lineOf(t *testing.T, record plog.LogRecord, limit int) map[string]any {
	t.Helper()
	resource, scope := pcommon.NewResource(), pcommon.NewInstrumentationScope()
	resource.Attributes().PutStr("service.name", "letta-bridge")
	scope.SetName("bridge.worker")
	text, err := line(resource, scope, record, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > limit || bytes.ContainsAny(text, "\n\r") {
		t.Fatalf("a line of %d bytes, %d allowed: %s", len(text), limit, text)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func TestALineHasTheRecordItsResourceAndItsTrace(t *testing.T) {
	record := recordOf("无法连接\nto Letta <&>")
	record.SetTraceID([16]byte{0x4b, 0xf9})
	record.SetSpanID([8]byte{0x00, 0xf0})
	record.Attributes().PutStr("letta.bridge.reason", "timeout")
	record.Attributes().PutDouble("share", math.NaN())
	record.Attributes().PutStr("body", "an attribute does not hide what the record says")
	fields := lineOf(t, record, 4096)
	for name, wanted := range map[string]any{
		"timestamp":           "2026-11-21T08:00:00.123456+00:00",
		"severity_text":       "WARN",
		"body":                "无法连接\nto Letta <&>",
		"logger":              "bridge.worker",
		"trace_id":            "4bf90000000000000000000000000000",
		"span_id":             "00f0000000000000",
		"service.name":        "letta-bridge",
		"letta.bridge.reason": "timeout",
		"share":               "NaN",
	} {
		if fields[name] != wanted {
			t.Errorf("%s: found %v, wanted %v", name, fields[name], wanted)
		}
	}
}

func TestARecordWithoutATimeOfItsOwnHasTheOneAtWhichItWasSeen(t *testing.T) {
	record := recordOf("x")
	record.SetTimestamp(0)
	record.SetObservedTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Second)))
	if found := lineOf(t, record, 4096)["timestamp"]; found != "2026-11-21T08:00:01.123456+00:00" {
		t.Error(found)
	}
}

func TestALineThatIsTooLongLosesItsAttributesThenTheEndOfItsBodyAndSaysSo(t *testing.T) {
	record := recordOf(strings.Repeat("很长", 5000))
	record.Attributes().PutStr("more", strings.Repeat("x", 5000))
	fields := lineOf(t, record, 2000)
	body := fields["body"].(string)
	if fields["truncated"] != true || fields["more"] != nil || len(body) < 500 || !utf8.ValidString(body) {
		t.Errorf("found %v", fields)
	}
}

func FuzzAnyRecordBecomesOneLineOfJSON(f *testing.F) {
	f.Add("body", "name", "value", 0.5, 300)
	f.Add("\x00\n\"\\\u2028", "", "\xff\xfe", math.Inf(1), 5000)
	f.Fuzz(func(t *testing.T, body, name, value string, number float64, limit int) {
		record := recordOf(body)
		record.Attributes().PutStr(name, value)
		record.Attributes().PutDouble(name+"2", number)
		record.Attributes().PutEmptyMap("map").PutDouble("inner", number)
		lineOf(t, record, 300+abs(limit)%8000)
	})
}

func abs(number int) int {
	if number < 0 {
		return -(number + 1)
	}
	return number
}
