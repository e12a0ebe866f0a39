package ltsexporter

import (
	"bytes"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
)

// part is the body of one request, and where its records stand among those that were given.
type part struct {
	body    []byte
	records int
	last    position
}

// position names a record by the indices of its resource, scope and itself.
type position struct{ resource, scope, record int }

// limits of what goes into one request.
type limits struct {
	bodyBytes int
	records   int
	age       time.Duration
}

// parts returns the bodies that a batch needs, in the order of its records, and counts what cannot be sent.
func parts(logs plog.Logs, labels []byte, now time.Time, most limits) ([]part, refused, error) {
	var made []part
	var left refused
	building := newBuilder(labels, most)
	resources := logs.ResourceLogs()
	for r := range resources.Len() {
		scopes := resources.At(r).ScopeLogs()
		for s := range scopes.Len() {
			records := scopes.At(s).LogRecords()
			for n := range records.Len() {
				record := records.At(n)
				if isOutside(when(record), now, most.age) {
					left.outside++
					continue
				}
				text, err := line(resources.At(r).Resource(), scopes.At(s).Scope(), record, most.bodyBytes/4)
				if err != nil {
					left.unfit++
					continue
				}
				item, err := itemOf(int64(when(record)), text)
				if err != nil {
					return nil, left, err
				}
				if building.isFullWith(item) {
					made = append(made, building.done())
				}
				building.add(item, position{r, s, n})
			}
		}
	}
	if building.count > 0 {
		made = append(made, building.done())
	}
	return made, left, nil
}

// refused counts records that are not sent.
type refused struct {
	outside int // of the times that LTS keeps
	unfit   int // no JSON can be made of them that is short enough
}

type builder struct {
	labels []byte
	most   limits
	buffer bytes.Buffer
	count  int
	last   position
}

const (
	bodyHead = `{"contents":[`
	bodyTail = `],"labels":`
)

func newBuilder(labels []byte, most limits) *builder { return &builder{labels: labels, most: most} }

func (b *builder) isFullWith(item []byte) bool {
	if b.count == 0 {
		return false
	}
	size := b.buffer.Len() + 1 + len(item) + len(bodyTail) + len(b.labels) + 1
	return b.count >= b.most.records || size > b.most.bodyBytes
}

func (b *builder) add(item []byte, at position) {
	if b.count == 0 {
		b.buffer.WriteString(bodyHead)
	} else {
		b.buffer.WriteByte(',')
	}
	b.buffer.Write(item)
	b.count++
	b.last = at
}

func (b *builder) done() part {
	b.buffer.WriteString(bodyTail)
	b.buffer.Write(b.labels)
	b.buffer.WriteByte('}')
	made := part{body: bytes.Clone(b.buffer.Bytes()), records: b.count, last: b.last}
	b.buffer.Reset()
	b.count = 0
	return made
}

func itemOf(ns int64, text []byte) ([]byte, error) {
	quoted, err := encode(string(text))
	if err != nil {
		return nil, err
	}
	item := append([]byte(`{"log_time_ns":`), strconv.FormatInt(ns, 10)...)
	item = append(item, `,"log":`...)
	return append(append(item, quoted...), '}'), nil
}

// after returns the records that come after a position: what is still to be sent when a request fails.
func after(logs plog.Logs, sent position) plog.Logs {
	rest := plog.NewLogs()
	logs.CopyTo(rest)
	r, s, n := -1, -1, -1
	rest.ResourceLogs().RemoveIf(func(resource plog.ResourceLogs) bool {
		r, s = r+1, -1
		resource.ScopeLogs().RemoveIf(func(scope plog.ScopeLogs) bool {
			s, n = s+1, -1
			scope.LogRecords().RemoveIf(func(plog.LogRecord) bool {
				n++
				return !isAfter(position{r, s, n}, sent)
			})
			return scope.LogRecords().Len() == 0
		})
		return resource.ScopeLogs().Len() == 0
	})
	return rest
}

func isAfter(one, other position) bool {
	if one.resource != other.resource {
		return one.resource > other.resource
	}
	if one.scope != other.scope {
		return one.scope > other.scope
	}
	return one.record > other.record
}
