package link

import (
	"encoding/binary"
	"math"
	"sync"
	"time"

	"riverwatch/mavlink"
)

const (
	idRadio       = 166
	idRadioStatus = 109
	radioAge      = 60 * second // what a radio said longer ago is no measure of how it is
)

// RadioStatus is what a link's radio last said of itself, in RADIO_STATUS (109) or ArduPilot's RADIO (166). The radio
// puts it among the frames of the vehicle; it belongs to the link. Levels are in units of the device, on SiK radios about
// 1.9 of them a dB above -127 dBm; nil where it does not know (255). Anyone can send it, whatever is signed.
type RadioStatus struct {
	RSSI        *uint8    `json:"rssi"`          // of what it hears
	RemoteRSSI  *uint8    `json:"remrssi"`       // of what the other end hears
	Noise       *uint8    `json:"noise"`         // where it listens
	RemoteNoise *uint8    `json:"remnoise"`      // at the other end
	TxBuf       uint8     `json:"txbuf_percent"` // free room in its send buffer
	RxErrors    uint16    `json:"rxerrors"`      // packets that it could not read, since it started; wraps
	Fixed       uint16    `json:"fixed"`         // packets that it repaired, since it started; wraps
	At          time.Time `json:"at"`            // station time
}

// radio keeps a link's newest status.
type radio struct {
	mu     sync.Mutex
	status RadioStatus
	at     int64 // 0: none yet
	levels [4]uint8
}

// hear takes in a RADIO_STATUS or RADIO, whose fields lie alike.
func (r *radio) hear(payload []byte, at int64) {
	var p [9]byte
	copy(p[:], payload)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = at
	r.levels = [4]uint8{p[4], p[5], p[7], p[8]}
	r.status.TxBuf = p[6]
	r.status.RxErrors, r.status.Fixed = binary.LittleEndian.Uint16(p[0:]), binary.LittleEndian.Uint16(p[2:])
}

// last is a copy of the newest status at now, nil where there is none of the last minute.
func (r *radio) last(now int64) *RadioStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == 0 || now-r.at > radioAge {
		return nil
	}
	st := r.status
	st.At = time.UnixMicro(r.at).UTC()
	st.RSSI, st.RemoteRSSI, st.Noise, st.RemoteNoise = level8(r.levels[0]), level8(r.levels[1]), level8(r.levels[2]), level8(r.levels[3])
	return &st
}

// level8 is nil for "unknown".
func level8(v uint8) *uint8 {
	if v == math.MaxUint8 {
		return nil
	}
	return &v
}

// listen hears what a frame that has come in says to the link itself.
func (ln *line) listen(src *source, f *mavlink.Frame) {
	if f.MsgID == idRadioStatus || f.MsgID == idRadio {
		ln.radio.hear(mavlink.Payload(f.Raw), src.stamp)
	}
	if ln.cfg.Mode == ModeRequest {
		ln.l.asker.hear(src, f)
	}
}
