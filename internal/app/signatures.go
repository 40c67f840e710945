package app

import (
	"fmt"
	"io"
	"strings"

	"riverwatch/configs"
	"riverwatch/mavlink"
)

// signatures judges the frames of foreign logs as a listener judges those that it receives, with the log's time for the
// clock.
type signatures struct {
	judge    *mavlink.SignatureJudge
	keys     [256]*[32]byte
	idle     bool // no signature is looked at
	verdicts [mavlink.SignatureFuture + 1]uint64
}

func newSignatures(c *configs.Config) *signatures {
	s := &signatures{}
	var keys []mavlink.SigningKey
	for _, v := range c.Mavlink.Identities() {
		if strictness(v.Signing) < 0 {
			continue
		}
		keys = append(keys, mavlink.SigningKey{System: v.System, Mode: v.Signing, Key: v.Key, LaxClock: v.LaxClock})
		s.keys[v.System] = v.Key
	}
	s.judge, s.idle = mavlink.NewSignatureJudge(keys, nil), len(keys) == 0
	return s
}

// believe says whether a signed frame of a session, which its station has let in, was signed with the key that is
// believed now. Whether it was a copy only the station could tell.
func (s *signatures) believe(f *mavlink.Frame) bool {
	return mavlink.SignatureValid(f.Raw, s.keys[f.SysID])
}

// admit notes whether the frame's signature was verified and says whether a listener would take the frame in.
func (s *signatures) admit(f *mavlink.Frame) bool {
	v := s.judge.Judge(f.Raw, f.At)
	s.verdicts[v]++
	f.Signed = v == mavlink.SignatureVerified
	return f.Signed || v == mavlink.SignatureAccepted
}

// refused counts the frames that were refused.
func (s *signatures) refused() uint64 {
	return s.verdicts[mavlink.SignatureBad] + s.verdicts[mavlink.SignatureMissing] + s.verdicts[mavlink.SignatureReplayed] + s.verdicts[mavlink.SignatureFuture]
}

// tell says what came of it, nothing where no signature was looked at.
func (s *signatures) tell(out io.Writer) {
	verified, refused := s.verdicts[mavlink.SignatureVerified], []string{}
	for _, r := range [...]struct {
		verdict mavlink.SignatureVerdict
		words   string
	}{
		{mavlink.SignatureBad, "with a wrong signature"}, {mavlink.SignatureMissing, "without the signature that is required"},
		{mavlink.SignatureReplayed, "replayed"}, {mavlink.SignatureFuture, "from the future"},
	} {
		if n := s.verdicts[r.verdict]; n > 0 {
			refused = append(refused, fmt.Sprint(n, " ", r.words))
		}
	}
	switch {
	case len(refused) > 0:
		fmt.Fprintf(out, "%s verified; refused: %s\n", some(int(verified), "signed frame"), strings.Join(refused, ", "))
	case verified > 0:
		fmt.Fprintf(out, "%s verified\n", some(int(verified), "signed frame"))
	}
}
