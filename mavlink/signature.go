package mavlink

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
)

// A signature is the last 13 bytes of a MAVLink 2 frame (mavlink.io, guide/message_signing): the link id, 48 bits of
// time in units of 10 µs since 2015-01-01 UTC, and the first 48 bits of SHA-256 over key, frame (start byte to CRC),
// link id and time.
const (
	signatureHash    = 6                     // bytes of the hash that are sent
	signatureEpoch   = 1_420_070_400_000_000 // 2015-01-01, µs since the Unix epoch
	tickUS           = 10
	ticksPerMinute   = 60_000_000 / tickUS
	maxAhead         = 5 * ticksPerMinute // of our clock
	maxSignedStreams = 1024
	signsFor         = 10_000_000 // µs after a verified frame of a component that its unsigned ones are held to it

	idRadio       = 166 // RADIO, of ArduPilot's dialect
	idRadioStatus = 109
)

// SignatureValid says whether the signature of raw, one whole frame, was made with key. It takes the same time whatever
// the signature is. Nothing follows from it for a frame that is a copy of an older one: see SignatureJudge.
func SignatureValid(raw []byte, key *[32]byte) bool {
	if n, ok := FrameLen(raw); !ok || n != len(raw) || !Signed(raw) || key == nil {
		return false
	}
	var text [len(key) + MaxFrame - signatureHash]byte
	n := copy(text[:], key[:])
	n += copy(text[n:], raw[:len(raw)-signatureHash])
	sum := sha256.Sum256(text[:n])
	return subtle.ConstantTimeCompare(sum[:signatureHash], raw[len(raw)-signatureHash:]) == 1
}

// SignatureStamp is the link id and the time, in units of 10 µs since 2015-01-01 UTC, that the signature of a frame
// gives; zeros where raw has none.
func SignatureStamp(raw []byte) (linkID uint8, ticks uint64) {
	if !Signed(raw) || len(raw) < headerV2+crcLen+signatureLen {
		return 0, 0
	}
	s := raw[len(raw)-signatureLen:]
	return s[0], uint64(s[1]) | uint64(s[2])<<8 | uint64(s[3])<<16 | uint64(s[4])<<24 | uint64(s[5])<<32 | uint64(s[6])<<40
}

// SignatureState is how far one stream of signed frames has come: what is to outlive a restart.
type SignatureState struct {
	System    uint8  `json:"system"`
	Component uint8  `json:"component"`
	LinkID    uint8  `json:"link_id"`
	Last      uint64 `json:"last"` // time of its newest frame, in units of 10 µs since 2015-01-01 UTC
}

// SigningKey says how the frames of a system are judged. A system without one is not looked at.
type SigningKey struct {
	System   uint8
	Mode     Signing
	Key      *[32]byte // nil or all zeros: no signature holds
	LaxClock bool      // the vehicle has no clock: its streams may begin at any time after what is known of them
}

// SignatureVerdict is what a SignatureJudge makes of a frame.
type SignatureVerdict uint8

// The verdicts. Accepted frames are not signed as far as the station is concerned: none was asked for, or there is none
// and none is required.
const (
	SignatureAccepted SignatureVerdict = iota
	SignatureVerified                  // signed by who has the system's key, and newer than any such frame before
	SignatureMissing                   // required, or to be expected of its sender, and there is none
	SignatureBad                       // made with another key
	SignatureReplayed                  // a copy or an older frame, or the first of a stream and too old for one
	SignatureFuture                    // more than five minutes ahead of our clock
)

// SignatureJudge applies the rules of message signing, with a key for each system. Frames come to it after their CRC has
// been checked and before anything else is made of them. It is not safe for concurrent use.
//
// A stream is what one sender signs with one link id: (system, component, link id). Its times must increase strictly, so
// of the copies that a router sends over several links under one link id the first counts and the others are replayed.
// A stream that begins, or that has been silent for a minute, must not be more than a minute behind our clock, nor
// at or before what is known of it from before a restart. A frame from the future is refused and moves nothing: it
// would lock its stream.
//
// A component that signs signs everything: where signing is preferred, what comes without a signature from one that was
// verified within ten seconds could turn what a signed tag rests on. Of such frames only tags are taken, which then stand
// for themselves, unverified.
//
// Only verified frames make a stream. A system has its share of the 1024 there are, so that the holder of one key cannot
// push out what is known of another's. Within the share a stream is forgotten for a new one only where that is without
// loss: where all that it would refuse is refused by its age as well. Else the newcomer is refused as replayed, since it
// cannot be told from that.
type SignatureJudge struct {
	keys    [256]*SigningKey
	streams [256][]signedStream // by system; by component, then link id
	share   int
}

type signedStream struct {
	component, link uint8
	last            uint64
	heard           int64 // µs; heardNever: before a restart
}

const heardNever = -1 << 62

// NewSignatureJudge returns a judge that knows of earlier streams what known says.
func NewSignatureJudge(keys []SigningKey, known []SignatureState) *SignatureJudge {
	j := &SignatureJudge{}
	j.SetKeys(keys)
	for _, k := range known[:min(len(known), maxSignedStreams)] {
		streams := &j.streams[k.System]
		i, found := slices.BinarySearchFunc(*streams, signedStream{component: k.Component, link: k.LinkID}, compareStreams)
		if !found {
			*streams = slices.Insert(*streams, i, signedStream{component: k.Component, link: k.LinkID, heard: heardNever})
		}
		(*streams)[i].last = max((*streams)[i].last, k.Last)
	}
	return j
}

func compareStreams(a, b signedStream) int {
	return cmp.Or(cmp.Compare(a.component, b.component), cmp.Compare(a.link, b.link))
}

// SetKeys makes the judge go by keys from the next frame on. What it knows of the streams stays.
func (j *SignatureJudge) SetKeys(keys []SigningKey) {
	j.keys = [256]*SigningKey{}
	n := 0
	for _, k := range keys {
		if k.Mode != SigningPrefer && k.Mode != SigningRequire {
			continue
		}
		if k.Key != nil && *k.Key == ([32]byte{}) {
			k.Key = nil // "no signing" to many programs, and anyone's guess
		}
		j.keys[k.System] = &k
		n++
	}
	j.share = maxSignedStreams / max(1, n)
}

// State is what there is to know of all streams, by system, component and link id.
func (j *SignatureJudge) State() []SignatureState {
	var all []SignatureState
	for system := range j.streams {
		for _, s := range j.streams[system] {
			all = append(all, SignatureState{System: uint8(system), Component: s.component, LinkID: s.link, Last: s.last})
		}
	}
	return all
}

// Judge judges raw, one frame whose CRC holds or whose id nobody knows, received at at (station time, µs).
func (j *SignatureJudge) Judge(raw []byte, at int64) SignatureVerdict {
	f := Parse(raw)
	k := j.keys[f.SysID]
	switch {
	case k == nil:
		return SignatureAccepted
	case Signed(raw):
	case isRadio(f.MsgID):
		// Radios put their status among the vehicle's frames, and have no key (mavlink.io, guide/message_signing,
		// "Accepting Unsigned Packets").
		return SignatureAccepted
	case k.Mode != SigningRequire && (standsAlone(f.MsgID) || !j.signs(&f, at)):
		return SignatureAccepted
	default: // MAVLink 1 has no signatures at all
		return SignatureMissing
	}
	if !SignatureValid(raw, k.Key) {
		return SignatureBad
	}
	link, ticks := SignatureStamp(raw)
	now := uint64(max(0, at-signatureEpoch)) / tickUS
	if ticks > now+maxAhead {
		return SignatureFuture
	}
	oldest := now - min(now, ticksPerMinute)
	streams := &j.streams[f.SysID]
	i, found := slices.BinarySearchFunc(*streams, signedStream{component: f.CompID, link: link}, compareStreams)
	begins := !found || at-(*streams)[i].heard > ticksPerMinute*tickUS
	if found && ticks <= (*streams)[i].last || begins && !k.LaxClock && ticks < oldest {
		return SignatureReplayed
	}
	if !found {
		if len(*streams) >= j.share && !forget(streams, k.LaxClock, oldest) {
			return SignatureReplayed
		}
		i, _ = slices.BinarySearchFunc(*streams, signedStream{component: f.CompID, link: link}, compareStreams)
		*streams = slices.Insert(*streams, i, signedStream{component: f.CompID, link: link})
	}
	s := &(*streams)[i]
	s.last, s.heard = ticks, at
	return SignatureVerified
}

// signs says whether the sender of a frame has been verified lately.
func (j *SignatureJudge) signs(f *Frame, at int64) bool {
	streams := j.streams[f.SysID]
	i, _ := slices.BinarySearchFunc(streams, signedStream{component: f.CompID}, compareStreams)
	for ; i < len(streams) && streams[i].component == f.CompID; i++ {
		if at-streams[i].heard <= signsFor {
			return true
		}
	}
	return false
}

func isRadio(id uint32) bool { return id == idRadioStatus || id == idRadio }

// standsAlone says whether a message is a tag, or a command, which turns nothing that other tags rest on.
func standsAlone(id uint32) bool {
	switch id {
	case idStatusText, idCameraFeedback, idCameraImageCaptured, idCameraTrackingGeo, idButtonChange, idNamedValueFloat, idNamedValueInt,
		idCommandInt, idCommandLong:
		return true
	}
	return false
}

// forget drops the stream that has come least far, where its frames are refused without it.
func forget(streams *[]signedStream, lax bool, oldest uint64) bool {
	i := 0
	for n, s := range *streams {
		if s.last < (*streams)[i].last {
			i = n
		}
	}
	if lax || (*streams)[i].last >= oldest {
		return false
	}
	*streams = slices.Delete(*streams, i, i+1)
	return true
}
