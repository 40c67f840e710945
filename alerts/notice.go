package alerts

import "strconv"

// Notice is the key of the notice that tells a recipient of the transition: `<station>/<seq>/<recipient>`. No
// two notices have the same one, as no station has a slash in its name, and it is the same however often and from
// wherever the notice is delivered, so a receiver that remembers keys sees each one once.
func (t *Transition) Notice(recipient string) string {
	return t.Station + "/" + strconv.FormatUint(t.Seq, 10) + "/" + recipient
}
