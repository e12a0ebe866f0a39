package ltsexporter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Fields of a line; otel/registry/logs.yaml has the same for lines on stdout.
const (
	fieldTimestamp = "timestamp"
	fieldSeverity  = "severity_text"
	fieldBody      = "body"
	fieldLogger    = "logger"
	fieldTraceID   = "trace_id"
	fieldSpanID    = "span_id"
	fieldTruncated = "truncated"
)

const timeFormat = "2006-01-02T15:04:05.000000+00:00"

// when returns the time of a record: its own, or the one at which it was seen.
func when(record plog.LogRecord) pcommon.Timestamp {
	if record.Timestamp() != 0 {
		return record.Timestamp()
	}
	return record.ObservedTimestamp()
}

// line returns a record as one JSON object of at most limit bytes: the attributes of its resource, over them its own,
// over them the fields above. A longer one loses its attributes, then the end of its body, and says so.
func line(resource pcommon.Resource, scope pcommon.InstrumentationScope, record plog.LogRecord, limit int) ([]byte, error) {
	fields := map[string]any{}
	for _, attributes := range []pcommon.Map{resource.Attributes(), record.Attributes()} {
		for name, value := range attributes.All() {
			fields[name] = encodable(value.AsRaw())
		}
	}
	fixed := fixedFields(scope, record)
	for name, value := range fixed {
		fields[name] = value
	}
	encoded, err := encode(fields)
	if err != nil || len(encoded) <= limit {
		return encoded, err
	}
	return shortened(fixed, limit)
}

func fixedFields(scope pcommon.InstrumentationScope, record plog.LogRecord) map[string]any {
	fields := map[string]any{
		fieldTimestamp: when(record).AsTime().UTC().Format(timeFormat),
		fieldSeverity:  severity(record),
		fieldBody:      encodable(record.Body().AsRaw()),
		fieldLogger:    scope.Name(),
	}
	if id := record.TraceID(); !id.IsEmpty() {
		fields[fieldTraceID] = id.String()
	}
	if id := record.SpanID(); !id.IsEmpty() {
		fields[fieldSpanID] = id.String()
	}
	return fields
}

func severity(record plog.LogRecord) string {
	if record.SeverityText() != "" {
		return record.SeverityText()
	}
	return record.SeverityNumber().String()
}

func shortened(fixed map[string]any, limit int) ([]byte, error) {
	body, isText := fixed[fieldBody].(string)
	if !isText {
		encoded, err := encode(fixed[fieldBody])
		if err != nil {
			return nil, err
		}
		body = string(encoded)
	}
	fixed[fieldTruncated] = true
	for {
		fixed[fieldBody] = body
		encoded, err := encode(fixed)
		if err != nil || len(encoded) <= limit {
			return encoded, err
		}
		if body == "" {
			return nil, fmt.Errorf("a line without its body is longer than %d bytes", limit)
		}
		body = cut(body, len(body)/2)
	}
}

// cut returns the first runes of a text, at most so many bytes of them.
func cut(text string, most int) string {
	end := 0
	for at, one := range text {
		if at+len(string(one)) > most {
			break
		}
		end = at + len(string(one))
	}
	return text[:end]
}

// encodable returns a value that JSON has a form for: it has none for NaN and the infinities.
func encodable(value any) any {
	switch given := value.(type) {
	case float64:
		if math.IsNaN(given) || math.IsInf(given, 0) {
			return fmt.Sprint(given)
		}
	case map[string]any:
		for name, one := range given {
			given[name] = encodable(one)
		}
	case []any:
		for at, one := range given {
			given[at] = encodable(one)
		}
	}
	return value
}

func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buffer.Bytes(), "\n"), nil
}

// isOutside says whether LTS would take a record and drop it without a word: it does so from a certain distance to now.
func isOutside(at pcommon.Timestamp, now time.Time, most time.Duration) bool {
	return at.AsTime().Sub(now).Abs() > most
}
