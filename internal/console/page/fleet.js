// The tables of vehicles and links.

const fleet = {
  vehicles: [], links: [],
  heardOf: new Map(), // of each vehicle and link, what was heard and missing in the last minute
  grown: new Map(), // of each link and reason, how many frames were refused and when the number last grew

  setVehicles(list) {
    this.vehicles = list;
    for (const v of list) for (const [link, l] of byLink(v)) keep(this.heardOf, v.name + '\n' + link, l);
    map.setVehicles(list.map((v) => ({
      key: v.system + ' ' + v.name, name: v.name, contact: v.state, doubt: v.conflict ? '✗' : v.suspect ? '(suspect)' : '', doubtful: !v.position || v.suspect || v.position.quality === 'bad' || v.position.quality === 'none',
      lat: v.position ? v.position.lat : null, lon: v.position ? v.position.lon : null, heading: v.position ? v.position.heading_deg : null,
    })));
    this.draw();
  },
  setLinks(list) {
    const first = !this.links.length;
    for (const l of list) for (const [reason, n] of Object.entries(l.errors || {})) {
      const key = l.name + '\n' + reason, was = this.grown.get(key);
      if (!was || was.n !== n) this.grown.set(key, { n, at: first ? 0 : Date.now() });
    }
    this.links = list;
    this.draw();
  },

  // heard counts the vehicles of the configuration, and apart the others and those that claim to be one of them.
  heard() {
    const known = this.vehicles.filter((v) => v.known && !v.disc), others = this.vehicles.filter((v) => !v.known).length, twins = this.vehicles.filter((v) => v.known && v.disc).length;
    return [known.length && `${known.filter((v) => v.state === 'heard').length} of ${known.length} heard`, twins && twins + ' under the same id', others && others + ' unknown'].filter(Boolean).join(', ');
  },

  // refused says why frames on a link have been refused within the last minute, where somebody can do something about it.
  refused(name) {
    return Object.keys(words.refused).filter((reason) => Date.now() - (this.grown.get(name + '\n' + reason) || { at: 0 }).at < 60000).map((reason) => words.refused[reason]);
  },

  draw() {
    say($('vehicles-sub'), this.vehicles.length ? this.heard() : '');
    fill($('vehicles'), this.vehicles, 7, 'None is configured and none has been heard.', (v) => {
      const p = v.position;
      const faint = v.state === 'heard' ? '' : ' ' + v.state;
      if (v.state === 'unheard') return el('tr', { class: v.state }, el('td', { class: 'keep' }, el('b', {}, v.name)), el('td', { colspan: 6, class: 'sub' }, 'not heard yet'));
      return [el('tr', { class: v.state + (p ? ' pick' : ''), onclick: p ? () => map.show(p) : null },
        el('td', { class: 'keep' }, el('b', {}, v.name)),
        el('td', { class: 'keep' }, contact(v)),
        el('td', {}, (v.mode || '–') + ' ', el('span', { class: 'tag' + (v.armed ? ' warn' : '') }, v.airborne ? 'flying' : v.armed ? 'armed' : 'disarmed')),
        el('td', {}, battery(v)),
        el('td', { class: v.suspect ? 'keep' : '' }, v.suspect ? el('span', { class: 'tag bad', title: suspicion(v) }, 'suspect') : p ? el('span', { class: 'tag ' + ({ good: 'good', degraded: 'warn' }[p.quality] || 'bad') }, p.quality) : 'none'),
        el('td', { class: 'num' }, p ? Math.round(p.rel_alt_m) + ' m' : ''),
        el('td', { class: 'num wide' }, p ? p.ground_speed_ms.toFixed(1) + ' m/s' : '')),
      el('tr', { class: 'more' + faint }, el('td', { colspan: 7, class: 'keep' }, identity(v), ' ', losses(v), notes(v))),
      (v.violated || []).length > 0 && el('tr', { class: 'why' + faint }, el('td', { colspan: 7, class: 'error address keep' }, v.violated.join(' · ')))];
    });
    const up = this.links.filter((l) => l.up).length;
    say($('links-sub'), this.links.length ? `${up} of ${this.links.length} up` : '');
    fill($('links'), this.links, 3, 'No link is configured.', (l) => {
      const lost = total(l.errors) + total(l.dropped);
      return [el('tr', {},
        el('td', {}, el('span', { class: 'tag ' + (l.up ? 'good' : 'bad'), title: l.error || '' }, l.up ? 'up' : 'down'), ' ', el('b', {}, l.name)),
        el('td', { class: 'num' }, count(l.frames)),
        el('td', { class: 'num', title: reasons({ ...l.errors, ...l.dropped }) }, lost ? el('span', { class: 'tag warn' }, count(lost)) : '0')),
      el('tr', { class: 'more' }, el('td', { colspan: 3 }, el('span', { class: 'sub address' }, l.kind.replaceAll('_', ' ') + ' ' + l.address), signal(l.radio))),
      ...this.refused(l.name).map((why) => el('tr', { class: 'why refused' }, el('td', { colspan: 3, class: 'error' }, why))),
      !l.up && l.error && el('tr', { class: 'why' }, el('td', { colspan: 3, class: 'error address' }, l.error))];
    });
  },
};

// fill makes a table body of its rows. Rows are few, so they are made anew; a hovering pointer does not notice.
function fill(body, items, columns, nothing, row) {
  body.replaceChildren(...(items.length ? shown(items.map(row)) : [el('tr', {}, el('td', { colspan: columns, class: 'sub' }, nothing))]));
}

// identity says whether what the vehicle tells counts as its own word.
function identity(v) {
  if (v.conflict) return el('span', { class: 'tag bad', title: 'It is in dispute who speaks under this system id. Nothing of it counts as verified.' }, '✗ in conflict');
  if (!v.verified) return el('span', { class: 'tag doubt', title: v.known ? 'its identity is in doubt, or it should sign and does not' : 'it is not in the configuration' }, '? unverified');
  return el('span', { class: 'tag good', title: 'It is in the configuration, and nothing contradicts that it is this vehicle.' }, '✓ verified');
}

// byLink adds up a vehicle's streams, for each link that brings them.
function byLink(v) {
  const by = new Map();
  for (const s of v.streams || []) {
    const l = by.get(s.link) || by.set(s.link, { frames: 0, lost: 0, copies: 0, late: 0 }).get(s.link);
    l.frames += s.frames;
    l.lost += s.lost;
    l.copies += s.duplicates;
    l.late += s.out_of_order;
  }
  return by;
}

// keep adds what is counted now to the last minute of it.
function keep(minutes, key, counts) {
  const now = Date.now(), minute = (minutes.get(key) || []).filter((c) => now - c.at < 60000 && c.frames <= counts.frames);
  minute.push({ at: now, frames: counts.frames, lost: counts.lost });
  minutes.set(key, minute);
}

// losses says how much of a vehicle's numbering never came in the last minute, for each link that brings it; where
// little came in it, since the vehicle was first heard.
function losses(v) {
  return [...byLink(v)].map(([name, l]) => {
    const then = (fleet.heardOf.get(v.name + '\n' + name) || [])[0] || l;
    const frames = l.frames - then.frames, lost = Math.max(l.lost - then.lost, 0), recent = frames + lost >= 50;
    const percent = recent ? 100 * lost / (frames + lost) : l.lost ? 100 * l.lost / (l.frames + l.lost) : 0;
    const text = `${name} ${percent > 0 && percent < 0.1 ? '< 0.1' : percent.toFixed(percent > 0 && percent < 10 ? 1 : 0)}\u00a0% missing`.trim();
    const title = `${recent ? 'in the last minute; since it was first heard ' : ''}${count(l.lost)} of ${count(l.frames + l.lost)} frames missing: lost on the way, or kept back by a router\n${count(l.copies)} came twice, ${count(l.late)} out of order`;
    return el('span', { class: percent >= 5 ? 'tag warn' : 'sub', title }, text);
  });
}

// notes are what else is to be known of a vehicle before it is believed.
function notes(v) {
  const skew = v.clock_skew_s;
  return [
    skew !== null && skew !== undefined && el('span', { class: 'tag warn', title: 'Its times are not used: sightings are dated by when they arrive.' }, `clock ${span(Math.abs(skew))} ${skew < 0 ? 'behind' : 'ahead'}`),
    v.lost_tags > 0 && el('span', { class: 'tag bad', title: 'It counted tags that never came here: ask the pilot what was seen.' }, v.lost_tags === 1 ? '1 tag lost' : v.lost_tags + ' tags lost'),
    v.conflict && v.address && el('span', { class: 'sub address' }, `heard from ${v.link} ${v.address}`),
    v.suspect && el('span', { class: 'sub' }, suspicion(v)),
  ];
}

// signal is what a link's radio says of itself, in its own units; "weak" where noise is near (10 dB on most radios).
function signal(r) {
  if (!r) return null;
  const level = (n) => (n === null || n === undefined ? 'unknown' : n);
  const weak = [[r.rssi, r.noise], [r.remrssi, r.remnoise]].some(([s, n]) => typeof s === 'number' && typeof n === 'number' && s - n < 20);
  return el('span', { class: 'sub', title: `at the other end: signal ${level(r.remrssi)}, noise ${level(r.remnoise)}\nsend buffer ${r.txbuf_percent} % free, ${r.rxerrors} unreadable, ${r.fixed} repaired\nin units of the radio` },
    `signal\u00a0${level(r.rssi)}, noise\u00a0${level(r.noise)} `, weak && el('span', { class: 'tag warn' }, 'weak'));
}

function contact(v) {
  const age = time.age(v.last_heard);
  if (v.state === 'heard') return el('span', { class: 'tag good' }, 'heard');
  return el('span', { class: 'tag ' + (v.state === 'lost' ? 'bad' : 'warn') }, `${v.state} ${span(age)}`);
}

function battery(v) {
  const n = v.battery_percent;
  if (n === null || n === undefined) return v.voltage === null ? '–' : v.voltage.toFixed(1) + ' V';
  const bar = el('i', {});
  bar.style.width = Math.max(0, Math.min(100, n)) + '%';
  return [el('span', { class: 'cell ' + (n < 20 ? 'bad' : n < 35 ? 'warn' : '') }, bar), n + ' %'];
}

const total = (counts) => Object.values(counts || {}).reduce((a, b) => a + b, 0);
const reasons = (counts) => Object.entries(counts || {}).map(([k, n]) => `${k.replaceAll('_', ' ')}: ${n}`).join('\n');
const count = (n) => n.toLocaleString('en-US').replaceAll(',', ' ');
