// The tables of vehicles and links.

const fleet = {
  vehicles: [], links: [],

  setVehicles(list) {
    this.vehicles = list;
    map.setVehicles(list.map((v) => ({
      key: v.system + ' ' + v.name, name: v.name, contact: v.state, doubtful: !v.position || v.position.quality === 'bad' || v.position.quality === 'none',
      lat: v.position ? v.position.lat : null, lon: v.position ? v.position.lon : null, heading: v.position ? v.position.heading_deg : null,
    })));
    this.draw();
  },
  setLinks(list) {
    this.links = list;
    this.draw();
  },

  // heard counts the vehicles of the configuration, and the others apart.
  heard() {
    const known = this.vehicles.filter((v) => v.known), others = this.vehicles.length - known.length;
    return [known.length && `${known.filter((v) => v.state === 'heard').length} of ${known.length} heard`, others && others + ' unknown'].filter(Boolean).join(', ');
  },

  draw() {
    say($('vehicles-sub'), this.vehicles.length ? this.heard() : '');
    fill($('vehicles'), this.vehicles, 7, 'None is configured and none has been heard.', (v) => {
      const p = v.position;
      if (v.state === 'unheard') return el('tr', { class: v.state }, el('td', { class: 'keep' }, el('b', {}, v.name)), el('td', { colspan: 6, class: 'sub' }, 'not heard yet'));
      return el('tr', { class: v.state + (p ? ' pick' : ''), onclick: p ? () => map.show(p.lat, p.lon) : null },
        el('td', { class: 'keep' }, el('b', {}, v.name), ' ', !v.verified && el('span', { class: 'tag doubt', title: v.known ? 'its identity is in doubt' : 'it is not in the configuration' }, 'unverified')),
        el('td', { class: 'keep' }, contact(v)),
        el('td', {}, (v.mode || '–') + ' ', el('span', { class: 'tag' + (v.armed ? ' warn' : '') }, v.airborne ? 'flying' : v.armed ? 'armed' : 'disarmed')),
        el('td', {}, battery(v)),
        el('td', {}, p ? el('span', { class: 'tag ' + ({ good: 'good', degraded: 'warn' }[p.quality] || 'bad') }, p.quality) : 'none'),
        el('td', { class: 'num' }, p ? Math.round(p.rel_alt_m) + ' m' : ''),
        el('td', { class: 'num wide' }, p ? p.ground_speed_ms.toFixed(1) + ' m/s' : ''));
    });
    const up = this.links.filter((l) => l.up).length;
    say($('links-sub'), this.links.length ? `${up} of ${this.links.length} up` : '');
    fill($('links'), this.links, 3, 'No link is configured.', (l) => {
      const lost = total(l.errors) + total(l.dropped);
      return [el('tr', {},
        el('td', {}, el('span', { class: 'tag ' + (l.up ? 'good' : 'bad'), title: l.error || '' }, l.up ? 'up' : 'down'), ' ', el('b', {}, l.name),
          el('div', { class: 'sub address' }, l.kind.replaceAll('_', ' ') + ' ' + l.address)),
        el('td', { class: 'num' }, count(l.frames)),
        el('td', { class: 'num', title: reasons({ ...l.errors, ...l.dropped }) }, lost ? el('span', { class: 'tag warn' }, count(lost)) : '0')),
      !l.up && l.error && el('tr', { class: 'why' }, el('td', { colspan: 3, class: 'error address' }, l.error))];
    });
  },
};

// fill makes a table body of its rows. Rows are few, so they are made anew; a hovering pointer does not notice.
function fill(body, items, columns, nothing, row) {
  body.replaceChildren(...(items.length ? shown(items.map(row)) : [el('tr', {}, el('td', { colspan: columns, class: 'sub' }, nothing))]));
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
