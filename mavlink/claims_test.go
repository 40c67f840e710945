package mavlink

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

func TestAClaimThatGoesOnIsLearntLikeAnyOther(t *testing.T) {
	wentOn := map[uint32]int{}
	rapid.Check(t, func(t *rapid.T) {
		var id IdentityState
		at, boot := int64(fieldStart), uint32(60_000)
		for range rapid.IntRange(1, 30).Draw(t, "frames") {
			at += rapid.Int64Range(0, 200_000).Draw(t, "later")
			boot += uint32(rapid.IntRange(-50, 250).Draw(t, "boot"))
			lat := homeLat + int32(rapid.IntRange(-9_000, 9_000).Draw(t, "north"))
			fr := &Frame{At: at, MsgID: rapid.SampledFrom([]uint32{idAttitude, idGlobalPositionInt, idSystemTime, idGPSRawInt, idHeartbeat}).Draw(t, "id")}
			p := make([]byte, rapid.SampledFrom([]int{30, 30, 30, 28, 12, 4, 0}).Draw(t, "length"))
			put := func(i int, v uint32) {
				if len(p) >= i+4 {
					binary.LittleEndian.PutUint32(p[i:], v)
				}
			}
			switch fr.MsgID {
			case idAttitude:
				put(0, boot)
			case idGlobalPositionInt:
				put(0, boot)
				put(4, uint32(lat))
				put(8, uint32(homeLon))
			case idSystemTime:
				put(8, boot)
			case idGPSRawInt:
				put(8, uint32(lat))
				put(12, uint32(homeLon))
				if len(p) > 28 {
					p[28] = uint8(rapid.IntRange(0, 3).Draw(t, "fix"))
				}
			}
			quick, slow := id, id
			went := quick.goesOn(fr, p)
			c, ok := claimOf(fr, p)
			if fit := slow.fit(&c, at); went && (!ok || fit != fits) {
				t.Fatalf("%+v goes on, and is a claim: %v, that fits: %v", c, ok, fit)
			}
			if ok {
				slow.learn(&c, at)
			}
			if went && quick != slow || !went && quick != id {
				t.Fatalf("%+v goes on: %v; it makes\n%+v, the general way\n%+v, of\n%+v", c, went, quick, slow, id)
			}
			if went {
				wentOn[fr.MsgID]++
			}
			id = slow
		}
	})
	if len(wentOn) != 4 {
		t.Errorf("what went on was %v", wentOn)
	}
}
