package mavlink

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/bluenviron/gomavlib/v3/pkg/dialects/all"
	"github.com/bluenviron/gomavlib/v3/pkg/message"
)

// denseIDs is the number of message ids that are looked up by index; almost all traffic is below it.
const denseIDs = 512

// entry is what the splitter must know of a message. The zero entry is that of an unknown id.
type entry struct {
	id    uint32
	def   uint16 // 1 + index into dialect.defs
	extra byte   // CRC extra
	base  byte   // payload bytes without extension fields
}

type definition struct {
	rw   *message.ReadWriter
	name string
}

type dialect struct {
	dense  [denseIDs]entry
	sparse []entry // by id
	defs   []definition
}

// knownDialect is gomavlib's `all` dialect, prepared (some 10 ms) when first asked for. Its CRC extras are those of
// mavlink/c_library_v2 @7e16bc08, but for TEST_TYPES (17000): gomavlib v3.3.5 takes its lone char for an array.
var knownDialect = sync.OnceValue(makeDialect)

func makeDialect() *dialect {
	d := &dialect{}
	for _, m := range all.Dialect.Messages {
		rw := &message.ReadWriter{Message: m}
		if err := rw.Initialize(); err != nil {
			panic(fmt.Sprintf("gomavlib's dialect does not hold together: %T: %v", m, err))
		}
		// A MAVLink 1 encoding has the base fields and no truncation.
		base := len(rw.Write(m, false).Payload)
		d.defs = append(d.defs, definition{rw, messageName(m)})
		e := entry{id: m.GetID(), def: uint16(len(d.defs)), extra: rw.CRCExtra(), base: byte(base)}
		if e.id < denseIDs {
			d.dense[e.id] = e
		} else {
			d.sparse = append(d.sparse, e)
		}
	}
	slices.SortFunc(d.sparse, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	return d
}

func (d *dialect) lookup(id uint32) entry {
	if id < denseIDs {
		return d.dense[id]
	}
	return d.search(id)
}

func (d *dialect) search(id uint32) entry {
	i, found := slices.BinarySearchFunc(d.sparse, id, func(e entry, id uint32) int { return cmp.Compare(e.id, id) })
	if !found {
		return entry{}
	}
	return d.sparse[i]
}

func (e entry) known() bool { return e.def != 0 }

// messageName turns MessageGlobalPositionInt into GLOBAL_POSITION_INT.
func messageName(m message.Message) string {
	var b strings.Builder
	for i, r := range strings.TrimPrefix(reflect.TypeOf(m).Elem().Name(), "Message") {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToUpper(b.String())
}

// Known reports whether gomavlib's `all` dialect has message id, so that its frames' CRC can be checked.
func Known(id uint32) bool { return knownDialect().lookup(id).known() }

// MessageName is the message's name in the dialect, "GLOBAL_POSITION_INT", or "" for an unknown id.
func MessageName(id uint32) string {
	d := knownDialect()
	if e := d.lookup(id); e.known() {
		return d.defs[e.def-1].name
	}
	return ""
}
