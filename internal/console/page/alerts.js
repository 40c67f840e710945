// The list of alerts: one card each, kept up to date in place so that a half-written note survives the stream.

const alerts = {
  all: new Map(), // id -> alert as the API gives it
  cards: new Map(), // id -> what the card needs between two drawings
  showClosed: false, chosen: '', closedLoaded: false, next: '',

  set(list, replaceActive) {
    if (replaceActive) {
      for (const [id, a] of this.all) if (a.state !== 'closed') this.all.delete(id);
    }
    for (const a of list) this.all.set(a.id, a);
    this.draw();
  },

  // apply takes a transition from the stream. It carries all that a card shows.
  apply(t) {
    const old = this.all.get(t.alert) || { id: t.alert, opened_at: t.at, lat: null, lon: null, ce90_m: null, owner: 0, owner_name: '', subject: '' };
    const a = { ...old, updated_at: t.at, state: t.to };
    for (const k of ['station', 'rule', 'severity', 'kind', 'zone', 'zone_kind', 'distance_m', 'bearing_deg', 'side', 'certainty', 'verified', 'sightings', 'outcome']) a[k] = t[k];
    if (t.subject) a.subject = t.subject;
    if (t.sighting && t.sighting.lat !== null) Object.assign(a, { lat: t.sighting.lat, lon: t.sighting.lon, ce90_m: t.sighting.ce90_m });
    this.all.set(t.alert, a);
    const card = this.cards.get(t.alert);
    if (card) card.changed = true;
    if (this.chosen === t.alert) this.loadLine(t.alert);
    this.draw();
  },

  shown() {
    const rank = { critical: 0, high: 1, medium: 2, low: 3 };
    const list = [...this.all.values()].filter((a) => (a.state === 'closed') === this.showClosed || a.id === this.chosen);
    const first = (a) => (a.state === 'open' ? 0 : a.state === 'closed' ? 2 : 1);
    return list.sort((a, b) => (this.showClosed ? 0 : first(a) - first(b) || rank[a.severity] - rank[b.severity])
      || time.of(b.updated_at) - time.of(a.updated_at));
  },

  draw() {
    const box = $('alerts');
    const list = this.shown();
    const keep = document.activeElement && box.contains(document.activeElement) ? document.activeElement : null;
    const nodes = list.map((a) => this.card(a));
    if (!nodes.length) {
      nodes.push(el('div', { class: 'empty' }, el('b', {}, this.showClosed ? 'No closed alerts' : 'All quiet'),
        this.showClosed ? 'Closed alerts are kept here.' : 'Nobody was sighted near a zone. New alerts appear here by themselves.'));
    }
    if (this.showClosed && this.next) nodes.push(el('button', { type: 'button', onclick: () => this.loadClosed() }, 'Show earlier ones'));
    // Moving an element takes the focus from it, so only what is out of place is moved.
    nodes.forEach((n, i) => { if (box.children[i] !== n) box.insertBefore(n, box.children[i] || null); });
    while (box.children.length > nodes.length) box.lastElementChild.remove();
    if (keep && keep !== document.activeElement && keep.isConnected) keep.focus({ preventScroll: true });
    this.tally();
    main.drawSightings();
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
    return a.zone ? map.names.get(a.zone) || a.zone : 'Somewhere unknown';
  },

  facts(a) {
    if (a.kind !== 'sighting') return 'since ' + time.clock(time.of(a.opened_at));
    const zone = map.zones.find((f) => f.properties.id === a.zone);
    const sideName = zone && a.side && zone.properties[a.side + '_name'];
    const parts = [];
    if (a.distance_m !== null) parts.push(a.distance_m === 0 ? (a.zone_kind === 'bank' ? 'on the bank' : 'inside') : metres(a.distance_m) + ' away' + (a.bearing_deg !== null && a.bearing_deg !== undefined ? ' to the ' + compass(a.bearing_deg) : ''));
    if (a.side) parts.push(sideName ? sideName + ' side' : word('side', a.side));
    parts.push(word('certainty', a.certainty));
    return parts.join(' · ');
  },

  card(a) {
    let c = this.cards.get(a.id);
    if (!c) {
      c = { node: el('article', {}), form: null, line: null, error: '', busy: false, changed: true };
      this.cards.set(a.id, c);
    }
    c.node.className = `alert ${a.severity} ${a.state} ${a.id === this.chosen ? 'chosen' : ''}`;
    if (!c.changed && c.names === map.names && c.wasChosen === (a.id === this.chosen)) return c.node;
    Object.assign(c, { changed: false, names: map.names, wasChosen: a.id === this.chosen });
    c.age = el('span', { class: 'age' });
    const tags = [
      el('span', { class: 'tag severity' }, a.severity),
      el('span', { class: `tag ${a.state === 'open' ? 'bad' : a.state === 'closed' ? '' : 'good'}` }, word('state', a.state) + (a.owner_name && a.state !== 'open' && a.state !== 'closed' ? ' · ' + a.owner_name : '')),
      a.state === 'closed' && a.outcome && el('span', { class: 'tag' }, word('outcome', a.outcome)),
      a.sightings > 1 && el('span', { class: 'tag' }, a.sightings + ' sightings'),
      a.kind === 'sighting' && !a.verified && el('span', { class: 'tag doubt', title: 'The drone that told of it is not in the configuration, or its identity is in doubt.' }, 'unverified'),
    ];
    c.node.replaceChildren(...shown([
      el('button', { type: 'button', class: 'top', 'aria-expanded': a.id === this.chosen ? 'true' : 'false', onclick: () => this.choose(a.id === this.chosen ? '' : a.id) },
        el('span', { class: 'place' }, this.place(a)), c.age),
      el('div', { class: 'facts' }, this.facts(a)),
      el('div', { class: 'tags' }, tags),
      c.form || this.buttons(a, c),
      c.error && el('p', { class: 'error', role: 'alert' }, c.error),
      a.id === this.chosen && this.line(c),
    ]));
    this.ageOf(a, c);
    return c.node;
  },

  ageOf(a, c) { say(c.age, span(time.age(a.updated_at)) + ' ago'); },
  second() {
    for (const [id, c] of this.cards) {
      const a = this.all.get(id);
      if (a && c.age && c.node.isConnected) this.ageOf(a, c);
    }
  },

  buttons(a, c) {
    if (a.state === 'closed') return null;
    const on = { open: ['acknowledge', 'Acknowledge'], acknowledged: ['en_route', 'On the way'], en_route: ['intercept', 'Intercepted'] }[a.state];
    return el('div', { class: 'does' },
      on && el('button', { type: 'button', class: 'main', disabled: c.busy, onclick: () => this.act(a.id, on[0], {}) }, on[1]),
      el('button', { type: 'button', disabled: c.busy, onclick: () => this.openForm(a.id) }, 'Close …'),
      a.state !== 'open' && el('button', { type: 'button', disabled: c.busy, title: 'give it back: it is open again', onclick: () => this.act(a.id, 'release', {}) }, 'Release'));
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
      el('button', { class: 'main' }, 'Close the alert')));
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
    Object.assign(c, { busy: true, error: '' });
    this.redraw(id);
    try {
      const reply = await api.post(`/api/v1/alerts/${encodeURIComponent(id)}/${act}`, { by: main.who(), ...body });
      c.form = null;
      const a = this.all.get(id);
      if (a && a.state !== reply.state) this.all.set(id, { ...a, state: reply.state, outcome: body.outcome || '' });
    } catch (e) {
      c.error = e.message;
      if (e.status === 401) main.askToken();
    }
    c.busy = false;
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
    if (a && a.lat !== null) map.show(a.lat, a.lon);
    this.loadLine(id);
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
    this.all.set(id, { ...this.all.get(id), owner: d.owner, owner_name: d.owner_name });
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
          d.sighting && ['opened', 'sighted', 'refined'].includes(d.event) ? el('small', {}, ' – ' + [d.sighting.kind, 'by ' + (d.sighting.vehicle || 'a person at the console'), d.sighting.ce90_m !== null ? ('± ' + metres(d.sighting.ce90_m)).replaceAll(' ', '\u00a0') : ''].filter(Boolean).join(', ')) : ''];
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
    $('show-active').onclick = () => show(false);
    $('show-closed').onclick = () => show(true);
  },
};

function compass(deg) {
  return ['north', 'north-east', 'east', 'south-east', 'south', 'south-west', 'west', 'north-west'][Math.round(deg / 45) % 8];
}
