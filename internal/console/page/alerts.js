// The list of alerts: one card each, kept up to date in place so that a half-written note survives the stream.

const alerts = {
  all: new Map(), // id -> alert as the API gives it
  seen: new Map(), // id -> its newest sighting, with the newest position
  cards: new Map(), // id -> what the card needs between two drawings
  showClosed: false, chosen: '', closedLoaded: false, next: '', order: [], heldUntil: 0,

  set(list, replaceActive) {
    if (replaceActive) {
      for (const [id, a] of this.all) if (a.state !== 'closed') this.all.delete(id);
    }
    for (const a of list) {
      this.all.set(a.id, a);
      if (a.sighting) this.learn(a.id, a.sighting);
    }
    this.draw();
  },

  // apply takes a transition from the stream. It carries all that a card shows.
  apply(t) {
    const old = this.all.get(t.alert) || { id: t.alert, opened_at: t.at, lat: null, lon: null, ce90_m: null, owner: 0, owner_name: '', subject: '' };
    const a = { ...old, updated_at: t.at, state: t.to };
    a.also = t.also;
    for (const k of ['station', 'rule', 'severity', 'kind', 'zone', 'zone_kind', 'distance_m', 'bearing_deg', 'side', 'certainty', 'verified', 'sightings', 'outcome']) a[k] = t[k];
    if (t.subject) a.subject = t.subject;
    if (t.sighting) this.learn(t.alert, t.sighting);
    if (t.sighting && t.sighting.lat !== null) Object.assign(a, { lat: t.sighting.lat, lon: t.sighting.lon, ce90_m: t.sighting.ce90_m });
    this.all.set(t.alert, a);
    const card = this.cards.get(t.alert);
    if (card) card.changed = true;
    this.draw();
    if (t.by || this.chosen === t.alert) this.loadLine(t.alert); // a transition has a person's number, not the name
  },

  learn(id, s) {
    const old = this.seen.get(id);
    if (old && time.of(s.at) < time.of(old.at)) return;
    this.seen.set(id, old && old.lat !== null && s.lat === null ? { ...old, at: s.at } : s);
  },

  // hold keeps the order of the cards while a finger is about: none moves away under it.
  hold() {
    this.heldUntil = performance.now() + 1500;
    clearTimeout(this.holdTimer);
    this.holdTimer = setTimeout(() => this.draw(), 1550);
  },

  shown() {
    const rank = { critical: 0, high: 1, medium: 2, low: 3 };
    const list = [...this.all.values()].filter((a) => (a.state === 'closed') === this.showClosed || a.id === this.chosen || this.undoable(a));
    const first = (a) => (a.state === 'open' ? 0 : a.state === 'closed' ? 2 : 1);
    list.sort((a, b) => (this.showClosed ? time.of(b.updated_at) - time.of(a.updated_at) : first(a) - first(b) || rank[a.severity] - rank[b.severity])
      || time.of(b.opened_at) - time.of(a.opened_at));
    if (performance.now() < this.heldUntil) {
      const place = new Map(this.order.map((id, i) => [id, i]));
      const at = (a) => place.get(a.id) ?? list.length;
      list.sort((a, b) => at(a) - at(b));
    }
    this.order = list.map((a) => a.id);
    return list;
  },

  draw() {
    const box = $('alerts');
    const list = this.shown();
    const keep = document.activeElement && box.contains(document.activeElement) ? document.activeElement : null;
    const nodes = list.map((a) => this.card(a));
    this.none = nodes.length ? null : el('div', {});
    if (this.none) nodes.push(this.none);
    this.second();
    if (this.showClosed && this.next) nodes.push(el('button', { type: 'button', onclick: () => this.loadClosed() }, 'Show earlier ones'));
    // Moving an element takes the focus from it, so only what is out of place is moved.
    nodes.forEach((n, i) => { if (box.children[i] !== n) box.insertBefore(n, box.children[i] || null); });
    while (box.children.length > nodes.length) box.lastElementChild.remove();
    if (keep && keep !== document.activeElement && keep.isConnected) keep.focus({ preventScroll: true });
    this.tally();
    main.drawSightings();
  },

  // quiet says what an empty list means: that nobody is there only where somebody would have been seen.
  quiet() {
    if (this.showClosed) return { title: 'No closed alerts', text: 'Closed alerts are kept here.' };
    if (main.gone) return { tone: 'bad', title: 'No contact with the station', text: 'This page does not know what happens at the river.' };
    const hearing = main.hearing();
    return hearing.title ? hearing : { title: 'All quiet', text: 'Nobody was sighted near a zone. New alerts appear here by themselves.' };
  },

  tally() {
    const active = [...this.all.values()].filter((a) => a.state !== 'closed');
    const open = active.filter((a) => a.state === 'open').length;
    say($('tally'), open ? `${open} open` + (active.length > open ? `, ${active.length - open} in hand` : '') : active.length ? `${active.length} in hand` : 'no open alerts');
    document.title = (open ? `(${open}) ` : '') + main.station;
  },

  place(a) {
    if (a.kind !== 'sighting') {
      const about = a.kind === 'gate_unseen' ? map.names.get(a.subject) || a.subject || a.zone : a.subject;
      return word('kind', a.kind) + (about ? ': ' + about : '');
    }
    return a.zone ? map.names.get(a.zone) || a.zone : 'Position unknown';
  },

  // spot is the place that a card can give, or null.
  spot(a) {
    const s = this.seen.get(a.id);
    if (a.kind === 'sighting') {
      // Without the sighting nobody knows whose position the alert has: the person's or the aircraft's.
      if (s && s.ray) return { lat: s.ray.lat, lon: s.ray.lon, within: null, ray: s.ray, s };
      return s && s.lat !== null ? { lat: s.lat, lon: s.lon, within: s.ce90_m, s } : null;
    }
    const v = a.kind === 'vehicle_lost' && fleet.vehicles.find((v) => v.name === a.subject);
    const at = v ? v.position : a.kind === 'gate_unseen' ? map.gates.find((g) => g.id === a.subject) : null;
    return at ? { lat: at.lat, lon: at.lon, within: null } : null;
  },

  facts(a) {
    if (a.kind !== 'sighting') {
      const v = a.kind === 'vehicle_lost' && fleet.vehicles.find((v) => v.name === a.subject);
      const l = a.kind === 'trouble' && fleet.links.find((l) => 'link ' + l.name === a.subject);
      const doubted = (a.kind === 'identity_conflict' || a.kind === 'position_suspect') && this.doubted(a);
      if (v && v.last_heard) {
        return 'last heard ' + time.clock(time.of(v.last_heard)) + (v.position ? `, ${Math.round(v.position.rel_alt_m)} m up` : '') + (fleet.refused(v.link).length ? ` · frames on link ${v.link} are refused, see Links` : '');
      }
      return 'since ' + time.clock(time.of(a.opened_at)) + (l && !l.up && l.error ? ' · ' + l.error : '') + (doubted ? ' · ' + doubted : '');
    }
    const s = this.seen.get(a.id);
    const zone = map.zones.find((f) => f.properties.id === a.zone);
    const sideName = zone && a.side && zone.properties[a.side + '_name'];
    const parts = [a.certainty === 'unlocated' && s && counted(s)];
    if (s && s.ray && a.zone) { // how far a direction passes by says nothing of where the target is
      parts.push(a.distance_m === 0 ? 'the direction meets it' : `the direction passes ${metres(a.distance_m)} from it`, word('certainty', a.certainty));
      return parts.filter(Boolean).join(' · ');
    }
    if (a.distance_m !== null) parts.push(a.distance_m === 0 ? (a.zone_kind === 'bank' ? 'on the bank' : 'inside') : metres(a.distance_m) + ' away' + (a.bearing_deg !== null && a.bearing_deg !== undefined ? ' to the ' + compass(a.bearing_deg) : ''));
    if (a.side) parts.push(sideName ? sideName + ' side' : word('side', a.side));
    if (a.certainty === 'unlocated') parts.push(s && s.vehicle ? s.vehicle + ' told of it without a position' : 'it came without a position');
    else parts.push(word('certainty', a.certainty));
    return parts.filter(Boolean).join(' · ');
  },

  // doubted says what is wrong with the vehicle that an alert about its identity or its position is about.
  doubted(a) {
    const claim = fleet.vehicles.filter((v) => v.name === a.subject || v.name.startsWith(a.subject + '#'));
    if (a.kind === 'position_suspect') return claim.map(suspicion).find(Boolean) || '';
    const pins = claim.flatMap((v) => v.violated || []);
    return pins.length ? [...new Set(pins)].join(' · ') : claim.length > 1 ? `${claim.length} aircraft say that they are ${a.subject}` : '';
  },

  // where is the place in numbers: to tell two alerts on one bank apart, to read out, to take elsewhere.
  where(a) {
    const p = this.spot(a);
    if (!p) return null;
    const s = p.s;
    const also = (a.also || []).map((n) => map.names.get(n.zone) || n.zone);
    const opened = a.id === this.chosen;
    const gate = s && !s.ray && a.zone_kind !== 'gate' && map.byNearestGate(p);
    return el('div', { class: 'where' },
      s && s.ray && [el('div', { class: 'doubt' }, `${counted(s)}, direction only: ${direction(s)}`),
        el('div', {}, `±\u00a0${Math.ceil(s.ray.half_width_deg)}°, ${reach(s.ray)}; the drone was at `, copyable(degrees(p)))],
      s && !s.ray && ofAircraft(s) && el('div', { class: 'doubt' }, `${counted(s)}, position of the aircraft, ${spread(s)}`),
      !(s && s.ray) && [!s || ofAircraft(s) ? 'at ' : counted(s) + ' at ', copyable(degrees(p)), s && !ofAircraft(s) && ' ' + spread(s)],
      gate && el('div', { class: 'sub' }, gate),
      opened && s && aimed(s) && el('div', { class: 'sub' }, aimed(s)),
      opened && s && el('div', { class: 'sub' }, dated(s)),
      opened && also.length > 0 && el('div', { class: 'sub' }, 'also near ' + also.join(', ')),
      opened && el('div', { class: 'go' },
        el('button', { type: 'button', onclick: () => { map.show(p); $('mapbox').scrollIntoView({ block: 'center', behavior: 'smooth' }); } }, 'Show on map'),
        !(s && s.ray) && el('a', { href: `geo:${p.lat},${p.lon}` + (p.within === null ? '' : ';u=' + Math.round(p.within)) }, 'Open in a map app')));
  },

  card(a) {
    let c = this.cards.get(a.id);
    if (!c) {
      c = { node: el('article', {}), form: null, line: null, error: '', busy: false, changed: true };
      this.cards.set(a.id, c);
    }
    c.node.className = `alert ${a.severity} ${a.state} ${a.id === this.chosen ? 'chosen' : ''}`;
    const looks = JSON.stringify([a, this.place(a), this.facts(a), this.seen.get(a.id), this.spot(a), a.id === this.chosen, this.undoable(a)]);
    if (!c.changed && c.looks === looks && c.names === map.names) return c.node;
    c.changed = true;
    if (c.node.matches(':active')) return c.node; // under a finger: a button that is taken away loses its tap
    Object.assign(c, { changed: false, looks, names: map.names });
    c.age = el('span', { class: 'age' });
    const tags = [
      el('span', { class: 'tag severity' }, a.severity),
      el('span', { class: `tag ${a.state === 'open' ? 'bad' : a.state === 'closed' ? '' : 'good'}` }, this.holds(a)),
      a.state === 'closed' && a.outcome && el('span', { class: 'tag' }, word('outcome', a.outcome)),
      a.sightings > 1 && el('span', { class: 'tag' }, a.sightings + ' sightings'),
      ...doubts(a, this.seen.get(a.id)).map(([label, title]) => el('span', { class: 'tag doubt', title }, label)),
    ];
    c.node.replaceChildren(...shown([
      el('button', { type: 'button', class: 'top', 'aria-expanded': a.id === this.chosen ? 'true' : 'false', onclick: () => this.choose(a.id === this.chosen ? '' : a.id) },
        el('span', { class: 'place' }, this.place(a)), c.age),
      el('div', { class: 'facts' }, this.facts(a)),
      this.where(a),
      remedies[a.kind] && a.state !== 'closed' && el('p', { class: 'todo' }, remedies[a.kind](a.subject || 'this vehicle')),
      el('div', { class: 'tags' }, tags),
      c.form || this.buttons(a, c),
      c.error && el('p', { class: 'error', role: 'alert' }, c.error),
      a.id === this.chosen && this.line(c),
    ]));
    this.ageOf(a, c);
    return c.node;
  },

  holds(a) {
    const state = word('state', a.state);
    if (!a.owner_name || a.state === 'open' || a.state === 'closed') return state;
    return a.state === 'en_route' ? `${a.owner_name} is ${state}` : `${state} by ${a.owner_name}`;
  },

  // An alert is as old as what was seen, whatever people did to it since.
  ageOf(a, c) {
    const s = this.seen.get(a.id);
    const [verb, at] = a.state === 'closed' ? ['closed ', a.updated_at] : a.kind === 'sighting' && s ? ['seen ', s.at] : ['', a.opened_at];
    say(c.age, verb + span(time.age(at)) + ' ago');
  },
  second() {
    if (this.none) {
      const q = this.quiet();
      this.none.className = 'empty ' + (q.tone || '');
      if (this.none.textContent !== q.title + q.text) this.none.replaceChildren(el('b', {}, q.title), q.text);
    }
    let over = false;
    for (const [id, c] of this.cards) {
      const a = this.all.get(id);
      if (!a || !c.age || !c.node.isConnected) continue;
      if (c.undo && !this.undoable(a)) [c.undo, over] = [null, true];
      if (a.kind !== 'sighting' || c.changed) this.card(a); // what it is about moves on, or a finger was on it
      this.ageOf(a, c);
    }
    if (over) this.draw();
  },

  // undoable says whether one's own last act can still be taken back: for 60 s, and if nobody did anything since.
  undoable(a) {
    const u = this.cards.get(a.id)?.undo;
    return Boolean(u && performance.now() < u.until && a.state === u.state && main.who() === u.by);
  },

  buttons(a, c) {
    const undo = this.undoable(a) && el('button', { type: 'button', disabled: c.busy, title: 'take back what you just did', onclick: () => this.act(a.id, 'undo', {}) }, word('act', 'undo'));
    if (a.state === 'closed') return undo && el('div', { class: 'does' }, undo);
    const on = { open: 'acknowledge', acknowledged: 'en_route', en_route: 'intercept' }[a.state];
    return el('div', { class: 'does' },
      on && el('button', { type: 'button', class: 'main', disabled: c.busy, onclick: () => this.act(a.id, on, {}) }, word('act', on)),
      el('button', { type: 'button', disabled: c.busy, onclick: () => this.openForm(a.id) }, 'Close …'),
      a.state !== 'open' && el('button', { type: 'button', disabled: c.busy, title: 'give it back: it is open again', onclick: () => this.act(a.id, 'release', {}) }, word('act', 'release')),
      undo);
  },

  openForm(id) {
    const c = this.cards.get(id);
    const outcome = el('select', { 'aria-label': 'outcome', required: true }, el('option', { value: '' }, 'How did it end?'), outcomes.map((o) => el('option', { value: o }, word('outcome', o))));
    const note = el('textarea', { rows: 2, maxlength: 2000, placeholder: 'note (optional)', 'aria-label': 'note' });
    c.form = el('form', {
      onsubmit: (e) => {
        e.preventDefault();
        if (outcome.value) this.act(id, 'close', { outcome: outcome.value, note: note.value.trim() });
      },
    }, outcome, note, el('div', { class: 'row' },
      el('button', { type: 'button', onclick: () => { c.form = null; this.redraw(id); } }, 'Cancel'),
      el('button', { class: 'main' }, word('act', 'close'))));
    this.redraw(id);
    outcome.focus();
  },

  redraw(id) {
    const c = this.cards.get(id);
    if (c) c.changed = true;
    this.draw();
  },

  async act(id, act, body) {
    const c = this.cards.get(id);
    if (c.busy || !await main.name(word('act', act))) return;
    const by = main.who();
    const until = performance.now() + 60000;
    Object.assign(c, { busy: true, error: '' });
    this.redraw(id);
    try {
      const reply = await api.post(`/api/v1/alerts/${encodeURIComponent(id)}/${act}`, { by, ...body });
      c.form = null;
      const a = this.all.get(id);
      if (a) this.all.set(id, { ...a, state: reply.state, outcome: body.outcome || '', owner_name: act === 'release' ? '' : act in { undo: 1, close: 1 } ? a.owner_name : by });
      c.undo = act === 'undo' ? null : { until, by, state: reply.state };
      if (act === 'undo') this.loadLine(id);
    } catch (e) {
      c.error = e.message;
      if (e.status === 401) main.askToken();
    }
    c.busy = false;
    this.hold();
    this.redraw(id);
  },

  choose(id) {
    const before = this.chosen;
    this.chosen = id;
    map.chosen = id;
    for (const each of [before, id]) if (this.cards.has(each)) this.cards.get(each).changed = true;
    history.replaceState(null, '', id ? '/a/' + encodeURIComponent(id) : '/');
    this.draw();
    if (!id) return;
    const a = this.all.get(id);
    this.showChosen();
    this.loadLine(id);
  },

  showChosen() {
    const a = this.all.get(this.chosen);
    const p = a && (this.spot(a) || a);
    if (p && p.lat !== null) map.show(p);
  },

  // open shows one alert that may be closed and unknown to the page: the address /a/ID.
  async open(id) {
    try {
      const d = await api.get('/api/v1/alerts/' + encodeURIComponent(id));
      this.all.set(id, d);
      this.choose(id);
      this.cards.get(id).node.scrollIntoView({ block: 'nearest' });
    } catch (e) {
      if (e.status === 404) main.banner('There is no alert ' + id + '.');
    }
  },

  async loadLine(id) {
    let d;
    try {
      d = await api.get('/api/v1/alerts/' + encodeURIComponent(id));
    } catch {
      return; // the stream's state says that there is no contact
    }
    const c = this.cards.get(id);
    if (!c) return;
    c.line = d;
    const told = d.timeline.filter((e) => e.kind === 'transition').map((e) => e.data);
    for (const t of told) if (t.sighting) this.learn(id, t.sighting);
    this.all.set(id, { ...this.all.get(id), owner: d.owner, owner_name: d.owner_name, also: told.length ? told[told.length - 1].also : [] });
    this.redraw(id);
  },

  line(c) {
    if (!c.line) return el('p', { class: 'line sub' }, 'loading …');
    const who = (n) => c.line.people[n] || 'someone';
    const entries = c.line.timeline.slice(-60).map((e) => {
      const d = e.data;
      let text;
      if (e.kind === 'transition') {
        text = [word('event', d.event), d.by ? el('small', {}, ' by ' + who(d.by)) : '', d.outcome ? el('small', {}, ' – ' + word('outcome', d.outcome)) : '',
          d.sighting && ['opened', 'sighted', 'refined'].includes(d.event) ? el('small', {}, ' – ' + told(d.sighting)) : ''];
      } else if (e.kind === 'notice') {
        text = ['notice to ' + d.recipient + ' ' + d.state, d.reason ? el('small', {}, ' – ' + d.reason) : ''];
      } else {
        text = ['“' + (e.note || '') + '”', d.by ? el('small', {}, ' ' + who(d.by)) : ''];
      }
      return el('li', {}, el('time', { datetime: e.at, title: time.clock(time.of(e.at), true) }, time.clock(time.of(e.at))), el('span', {}, text));
    });
    return el('ol', { class: 'line' }, entries);
  },

  async loadClosed() {
    const page = await api.get('/api/v1/alerts?state=closed&limit=50' + (this.next ? '&after=' + encodeURIComponent(this.next) : ''));
    this.next = page.next;
    this.closedLoaded = true;
    this.set(page.alerts, false);
  },

  listen() {
    const show = (closed) => {
      this.showClosed = closed;
      $('show-active').setAttribute('aria-pressed', String(!closed));
      $('show-closed').setAttribute('aria-pressed', String(closed));
      if (closed && !this.closedLoaded) this.loadClosed().catch((e) => main.banner(e.message));
      this.draw();
    };
    $('alerts').addEventListener('pointerdown', () => this.hold());
    $('show-active').onclick = () => show(false);
    $('show-closed').onclick = () => show(true);
  },
};

function compass(deg) {
  return ['north', 'north-east', 'east', 'south-east', 'south', 'south-west', 'west', 'north-west'][Math.round(deg / 45) % 8];
}

// copyable is a text that a tap copies, where the browser allows it; on plain http it can be selected.
function copyable(text) {
  if (!navigator.clipboard) return el('span', { class: 'mono' }, text);
  const b = el('button', { type: 'button', class: 'copy mono', title: 'copy' }, text);
  b.onclick = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say(b, 'copied');
      setTimeout(() => say(b, text), 1200);
    } catch { /* not allowed: it can still be read */ }
  };
  return b;
}
