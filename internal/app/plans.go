package app

import (
	"slices"
	"sync"

	"riverwatch/alerts/notify"
	"riverwatch/geofence"
	"riverwatch/internal/watch"
)

// plans holds the plans that a frame may name, in the order of their frames: those of the session that was recovered
// and one a reload. One that comes again has two places, since the frame of its second time may still be on its way.
type plans struct {
	mu     sync.Mutex
	all    []*watch.Judge
	shown  map[string]*zonesView // by digest
	forget func(inForce *watch.Judge)
}

// zonesView is the zones of a plan as people see them. It is immutable.
type zonesView struct {
	geojson []byte
	places  map[string]notify.Place // by zone
}

// show makes the view of a plan's zones. With many that takes a while: it is done before the fold needs it.
func (p *plans) show(j *watch.Judge) error {
	geojson, err := geofence.ToGeoJSON(j.Plan.Zones)
	if err != nil {
		return err
	}
	v := &zonesView{geojson, make(map[string]notify.Place, len(j.Plan.Zones))}
	for i := range j.Plan.Zones {
		z := &j.Plan.Zones[i]
		v.places[z.ID] = notify.Place{Name: z.Name, Left: z.LeftName, Right: z.RightName}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown == nil {
		p.shown = map[string]*zonesView{}
	}
	p.shown[j.Digest] = v
	return nil
}

// take gives the view of a plan that came into force, nil where there is none, and forgets it.
func (p *plans) take(digest string) *zonesView {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.shown[digest]
	delete(p.shown, digest)
	if i := p.index(digest); i > 0 && p.forget != nil {
		p.forget(p.all[i])
	}
	return v
}

// discard forgets the view of a plan that does not come into force after all.
func (p *plans) discard(digest string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.shown, digest)
}

// forgetBy has forget called whenever a plan came into force that has others before it. It is to have since called, once
// nobody asks for those any more, and does not wait for that: the fold calls it.
func (p *plans) forgetBy(forget func(inForce *watch.Judge)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget = forget
}

// since forgets what came before a plan, unless the plan is itself forgotten. It goes by the plan and not by its digest,
// which one that comes later may have too.
func (p *plans) since(j *watch.Judge) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.all, j); i > 0 {
		p.all = slices.Delete(p.all, 0, i)
	}
}

// index is the place of the first plan of that digest, -1 where there is none.
func (p *plans) index(digest string) int {
	return slices.IndexFunc(p.all, func(j *watch.Judge) bool { return j.Digest == digest })
}

func (p *plans) add(j *watch.Judge) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.all); n > 0 && p.all[n-1].Digest == j.Digest {
		return
	}
	p.all = append(p.all, j)
}

// only forgets all plans but the one in force: no frame that names another is on its way.
func (p *plans) only(inForce *watch.Judge) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = nil
	if inForce.Digest != "" {
		p.all = []*watch.Judge{inForce}
	}
}

// find gives the plan of that digest, nil where there is none.
func (p *plans) find(digest string) *watch.Judge {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.index(digest); i >= 0 {
		return p.all[i]
	}
	return nil
}

// from gives the plan in force and those added after it, whose frames may still come: what a session must hold to be
// complete. What came before the plan in force is forgotten.
func (p *plans) from(inForce string) map[string]*watch.Judge {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.index(inForce); i > 0 {
		p.all = slices.Delete(p.all, 0, i)
	}
	held := map[string]*watch.Judge{}
	for _, j := range p.all {
		held[j.Digest] = j
	}
	return held
}

// tiles are the digests of the terrain that the plans judge by.
func (p *plans) tiles() map[string]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	used := map[string]bool{}
	for _, j := range p.all {
		for _, ref := range j.Plan.Terrain {
			used[ref.SHA256] = true
		}
	}
	return used
}
