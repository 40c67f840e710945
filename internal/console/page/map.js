// The map: zones, vehicles and sightings on an equirectangular plane, in metres from a point in their middle. It has no
// tiles, so it works without a network and shows nothing that the station does not know.

const map = {
  root: $('map'), zones: [], names: new Map(), gates: [], byGate: new Map(), vehicles: [], sightings: [], trails: new Map(),
  origin: null, view: { x: 0, y: 0, k: 0.05 }, moved: false, chosen: '', onPick: () => {}, onPlace: null,

  project(lat, lon) {
    const perDegree = 111320;
    return [(lon - this.origin.lon) * perDegree * Math.cos(this.origin.lat * Math.PI / 180), (this.origin.lat - lat) * perDegree];
  },
  unproject(x, y) {
    const lat = this.origin.lat - y / 111320;
    return { lat, lon: this.origin.lon + x / (111320 * Math.cos(this.origin.lat * Math.PI / 180)) };
  },
  screen([x, y]) {
    const b = this.size();
    return [(x - this.view.x) * this.view.k + b.width / 2, (y - this.view.y) * this.view.k + b.height / 2];
  },
  fromScreen(px, py) {
    const b = this.size();
    return [(px - b.width / 2) / this.view.k + this.view.x, (py - b.height / 2) / this.view.k + this.view.y];
  },
  size() { return this.box || (this.box = this.root.getBoundingClientRect()); },

  anchor(lat, lon) { if (!this.origin) this.origin = { lat, lon }; },

  setZones(geojson) {
    const many = 3000; // more than this no eye tells apart, and no browser draws smoothly
    const all = geojson.features || [];
    this.zones = all.slice(0, many);
    this.names = new Map(all.map((f) => [f.properties.id, f.properties.name || f.properties.id]));
    this.gates = all.filter((f) => f.properties.kind === 'gate').map((f) => {
      const [lon, lat] = middle(pointsOf(f.geometry));
      return { id: f.properties.id, name: this.names.get(f.properties.id), lat, lon };
    });
    this.byGate = new Map();
    say($('left-out'), `${count(many)} of ${count(all.length)} zones are drawn`);
    $('left-out').hidden = all.length <= many;
    this.origin = null;
    const points = this.zones.flatMap((f) => pointsOf(f.geometry));
    if (points.length) {
      const [lon, lat] = middle(points);
      this.anchor(lat, lon);
    }
    if (!this.moved) this.fit();
    this.draw();
  },
  setVehicles(list) {
    this.vehicles = list.filter((v) => v.lat !== null && v.lat !== undefined);
    for (const v of this.vehicles) {
      const trail = this.trails.get(v.key) || [];
      const last = trail[trail.length - 1];
      if (!last || last[0] !== v.lat || last[1] !== v.lon) trail.push([v.lat, v.lon]);
      if (trail.length > 180) trail.shift();
      this.trails.set(v.key, trail);
    }
    if (this.vehicles.length && !this.origin) {
      this.anchor(this.vehicles[0].lat, this.vehicles[0].lon);
      this.fit();
    }
    this.drawOver();
  },
  setSightings(list) {
    this.sightings = list.filter((s) => s.lat !== null && s.lat !== undefined);
    if (this.sightings.length && !this.origin) {
      this.anchor(this.sightings[0].lat, this.sightings[0].lon);
      this.fit();
    }
    this.drawOver();
  },

  fit() {
    this.moved = false;
    this.box = null;
    if (!this.origin) return;
    const all = this.zones.flatMap((f) => pointsOf(f.geometry)).map(([lon, lat]) => this.project(lat, lon));
    for (const o of [...this.vehicles, ...this.sightings.filter((s) => s.alert)]) all.push(this.project(o.lat, o.lon));
    if (!all.length) all.push([0, 0]);
    const xs = all.map((p) => p[0]), ys = all.map((p) => p[1]);
    const [left, right, top, bottom] = [min(xs), max(xs), min(ys), max(ys)];
    const b = this.size();
    this.view.x = (left + right) / 2;
    this.view.y = (top + bottom) / 2;
    this.view.k = Math.min((b.width - 90) / Math.max(right - left, 400), (b.height - 70) / Math.max(bottom - top, 400));
    if (!(this.view.k > 0)) this.view.k = 0.05;
    this.draw();
  },
  zoom(factor, px, py) {
    const b = this.size();
    px = px === undefined ? b.width / 2 : px;
    py = py === undefined ? b.height / 2 : py;
    const [x, y] = this.fromScreen(px, py);
    this.view.k = Math.min(20, Math.max(0.0005, this.view.k * factor));
    const [x2, y2] = this.fromScreen(px, py);
    this.view.x += x - x2;
    this.view.y += y - y2;
    this.moved = true;
    this.draw();
  },
  // byNearestGate says where a place lies from the nearest gate: an eye for it, the judging is the station's.
  byNearestGate(p) {
    const key = degrees(p);
    if (!this.byGate.has(key)) {
      const wide = Math.cos(p.lat * Math.PI / 180);
      let best = null, least = Infinity;
      for (const g of this.gates) {
        const x = (p.lon - g.lon) * wide, y = p.lat - g.lat, d = x * x + y * y;
        if (d < least) [least, best] = [d, { g, x, y }];
      }
      this.byGate.set(key, best && `${metres(Math.sqrt(least) * 111320)} ${compass((Math.atan2(best.x, best.y) * 180 / Math.PI + 360) % 360)} of ${best.g.name}`);
    }
    return this.byGate.get(key);
  },
  // show brings a place into the middle, near enough to see it; a ray as a whole.
  show(p) {
    if (!this.origin) return;
    [this.view.x, this.view.y] = this.project(p.lat, p.lon);
    if (p.ray) {
      const b = this.size(), turn = p.ray.bearing_deg * Math.PI / 180;
      this.view.x += Math.sin(turn) * p.ray.max_m / 2;
      this.view.y -= Math.cos(turn) * p.ray.max_m / 2;
      this.view.k = Math.min(b.width, b.height) / (1.25 * Math.max(p.ray.max_m, 200));
    } else {
      this.view.k = Math.max(this.view.k, 0.35);
    }
    this.moved = true;
    this.draw();
  },

  draw() {
    if (!this.origin) return;
    const ground = svg('g', { class: 'ground' }, this.grid());
    const order = { area: 0, bank: 1, gate: 2 };
    for (const f of [...this.zones].sort((a, b) => (order[a.properties.kind] || 0) - (order[b.properties.kind] || 0))) {
      ground.append(...this.zoneShapes(f));
    }
    this.ground = ground;
    this.over = svg('g', {});
    this.root.replaceChildren(ground, this.over);
    this.drawOver();
    this.drawScale();
  },
  zoneShapes(f) {
    const p = f.properties, g = f.geometry;
    const at = ([lon, lat]) => this.screen(this.project(lat, lon));
    const path = (ring, close) => 'M' + ring.map((c) => at(c).map((n) => n.toFixed(1)).join(' ')).join('L') + (close ? 'Z' : '');
    const shape = (tag, attributes) => svg(tag, attributes, svg('title', {}, p.name || p.id));
    const kind = p.kind + (p.kind === 'gate' && this.alerted && this.alerted.has(p.id) ? ' alerted' : '');
    switch (g.type) {
      case 'Point': {
        const [x, y] = at(g.coordinates);
        return [shape('circle', { class: 'zone ' + kind, cx: x.toFixed(1), cy: y.toFixed(1), r: Math.max(5, p.radius_m * this.view.k).toFixed(1) })];
      }
      case 'LineString': {
        const d = path(g.coordinates);
        const band = svg('path', { class: 'zone band', d });
        band.style.strokeWidth = Math.max(2, 2 * p.width_m * this.view.k).toFixed(1);
        return [band, shape('path', { class: 'zone ' + kind, d })];
      }
      case 'Polygon':
        return [shape('path', { class: 'zone ' + kind, d: g.coordinates.map((r) => path(r, true)).join(''), 'fill-rule': 'evenodd' })];
      case 'MultiPolygon':
        return [shape('path', { class: 'zone ' + kind, d: g.coordinates.flat().map((r) => path(r, true)).join(''), 'fill-rule': 'evenodd' })];
    }
    return [];
  },
  drawOver() {
    if (!this.over) return;
    const taken = [[this.size().width - 54, 0, this.size().width, 150]]; // by the buttons
    const parts = [];
    for (const v of this.vehicles) {
      const trail = this.trails.get(v.key) || [];
      if (trail.length > 1) {
        parts.push(svg('path', { class: 'trail', d: 'M' + trail.map(([lat, lon]) => this.screen(this.project(lat, lon)).map((n) => n.toFixed(1)).join(' ')).join('L') }));
      }
    }
    for (const s of this.sightings) {
      const [x, y] = this.screen(this.project(s.lat, s.lon));
      const chosen = s.alert && s.alert === this.chosen;
      parts.push(svg('g', { class: `sight ${s.severity || ''} ${chosen ? 'chosen' : ''} ${s.aircraft || s.suspect ? 'hollow' : ''}`, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, onclick: () => s.alert && this.onPick(s.alert) },
        s.ray ? this.sector(s.ray) : [this.around(s), svg('path', { class: 'point', d: 'M0-8L8 0L0 8L-8 0Z' })],
        svg('title', {}, s.title)));
      if (s.ray) continue;
      taken.push([x - 9, y - 9, x + 9, y + 9]);
    }
    for (const v of this.vehicles) {
      const [x, y] = this.screen(this.project(v.lat, v.lon));
      const turn = v.heading === null || v.heading === undefined ? 0 : v.heading;
      parts.push(svg('g', { class: `craft ${v.contact} ${v.doubtful ? 'bad' : ''}`, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
        svg('path', { d: 'M0-11L8 9L0 4.5L-8 9Z', transform: `rotate(${turn.toFixed(0)})` }), svg('title', {}, v.name)));
      parts.push(this.label(v.name + (v.doubt ? ' ' + v.doubt : ''), x, y, '', taken, true));
    }
    for (const f of this.zones.length > 300 ? [] : this.zones) {
      if (f.properties.kind !== 'gate') continue;
      const [lon, lat] = middle(pointsOf(f.geometry));
      const [x, y] = this.screen(this.project(lat, lon));
      parts.push(this.label(f.properties.name || f.properties.id, x, y, 'zone-name', taken, false));
    }
    this.over.replaceChildren(...parts.filter(Boolean));
  },
  // around is where the target is with 90 %.
  around(s) {
    const k = this.view.k, e = s.ellipse;
    if (!e) return svg('circle', { class: 'around', r: Math.max(0, (s.ce90_m || 0) * k).toFixed(1) });
    return svg('ellipse', { class: 'around', rx: (e.minor_m * k).toFixed(1), ry: (e.major_m * k).toFixed(1), transform: `rotate(${e.bearing_deg})` });
  },
  // sector is where the target of a direction is: no point in it is likelier than another, so there is none.
  sector(r) {
    const half = Math.min(179.9, Math.max(0.5, r.half_width_deg));
    const near = r.min_m * this.view.k, far = Math.max(r.max_m * this.view.k, near + 1);
    const at = (deg, by) => `${(by * Math.sin(deg * Math.PI / 180)).toFixed(1)} ${(-by * Math.cos(deg * Math.PI / 180)).toFixed(1)}`;
    const left = r.bearing_deg - half, right = r.bearing_deg + half, wide = half > 90 ? 1 : 0;
    return [
      svg('path', { class: 'around', d: `M${at(left, near)}L${at(left, far)}A${far.toFixed(1)} ${far.toFixed(1)} 0 ${wide} 1 ${at(right, far)}L${at(right, near)}A${near.toFixed(1)} ${near.toFixed(1)} 0 ${wide} 0 ${at(left, near)}Z` }),
      svg('path', { class: 'course', d: `M0 0L${at(r.bearing_deg, far)}` }),
    ];
  },
  // label puts a name beside a point where there is room; one that must be seen is put there anyway.
  label(name, x, y, kind, taken, must) {
    const b = this.size();
    if (x < -20 || y < -20 || x > b.width + 20 || y > b.height + 20) return null;
    const width = 7 * [...name].reduce((n, c) => n + (c.charCodeAt(0) > 0x2e80 ? 1.75 : 1), 0);
    const places = [[13, 4, 'start'], [-13, 4, 'end'], [0, -15, 'middle'], [0, 24, 'middle']];
    for (const [i, [dx, dy, anchor]] of places.entries()) {
      const left = x + dx - (anchor === 'start' ? 0 : anchor === 'end' ? width : width / 2);
      const box = [left, y + dy - 11, left + width, y + dy + 3];
      const free = box[0] > 2 && box[2] < b.width - 2 && !taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1]);
      if (free || (must && i === places.length - 1)) {
        taken.push(box);
        return svg('text', { class: kind, x: (x + dx).toFixed(1), y: (y + dy).toFixed(1), 'text-anchor': anchor }, name);
      }
    }
    return null;
  },
  // step is the round length, in metres, of the scale and between two lines of the grid.
  step() {
    const most = 130 / this.view.k;
    const ten = 10 ** Math.floor(Math.log10(most));
    return ten * (most >= 5 * ten ? 5 : most >= 2 * ten ? 2 : 1);
  },
  // grid is squares of the scale's length, north up: it gives the eye distances where there is no picture of the land.
  grid() {
    const b = this.size(), step = this.step();
    const [left, top] = this.fromScreen(0, 0), [right, bottom] = this.fromScreen(b.width, b.height);
    let d = '';
    for (let x = Math.ceil(left / step) * step; x < right; x += step) d += `M${this.screen([x, 0])[0].toFixed(1)} 0V${b.height}`;
    for (let y = Math.ceil(top / step) * step; y < bottom; y += step) d += `M0 ${this.screen([0, y])[1].toFixed(1)}H${b.width}`;
    return svg('path', { class: 'grid', d });
  },
  drawScale() {
    const step = this.step();
    say($('scale').firstElementChild, step >= 1000 ? step / 1000 + ' km' : step + ' m');
    $('scale').lastElementChild.style.width = Math.round(step * this.view.k) + 'px';
  },

  listen() {
    const down = new Map();
    let dragged = 0;
    const local = (e) => { const b = this.size(); return [e.clientX - b.left, e.clientY - b.top]; };
    this.root.addEventListener('wheel', (e) => {
      e.preventDefault();
      this.box = null;
      this.zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0015)), ...local(e));
    }, { passive: false });
    this.root.addEventListener('pointerdown', (e) => {
      this.box = null;
      down.set(e.pointerId, local(e));
      dragged = 0;
    });
    window.addEventListener('pointermove', (e) => {
      const from = down.get(e.pointerId);
      if (!from) return;
      const to = local(e);
      const others = [...down].filter(([id]) => id !== e.pointerId).map(([, p]) => p);
      dragged += Math.hypot(to[0] - from[0], to[1] - from[1]);
      if (others.length) {
        const [o] = others;
        const ratio = Math.hypot(to[0] - o[0], to[1] - o[1]) / Math.max(1, Math.hypot(from[0] - o[0], from[1] - o[1]));
        this.zoom(ratio, (to[0] + o[0]) / 2, (to[1] + o[1]) / 2);
      } else if (dragged > 4) {
        this.view.x -= (to[0] - from[0]) / this.view.k;
        this.view.y -= (to[1] - from[1]) / this.view.k;
        this.moved = true;
        this.draw();
      }
      down.set(e.pointerId, to);
    });
    for (const end of ['pointerup', 'pointercancel']) window.addEventListener(end, (e) => down.delete(e.pointerId));
    this.root.addEventListener('click', (e) => {
      if (dragged > 4 || !this.onPlace || !this.origin) return;
      this.onPlace(this.unproject(...this.fromScreen(...local(e))));
    });
    new ResizeObserver(() => {
      this.box = null;
      if (this.moved) this.draw();
      else this.fit();
    }).observe($('mapbox'));
    $('zoom-in').onclick = () => this.zoom(1.5);
    $('zoom-out').onclick = () => this.zoom(1 / 1.5);
    $('zoom-fit').onclick = () => this.fit();
  },
};

const min = (list) => list.reduce((a, b) => Math.min(a, b), Infinity);
const max = (list) => list.reduce((a, b) => Math.max(a, b), -Infinity);

function pointsOf(g) {
  switch (g.type) {
    case 'Point': return [g.coordinates];
    case 'LineString': return g.coordinates;
    case 'Polygon': return g.coordinates[0];
    case 'MultiPolygon': return g.coordinates.flatMap((p) => p[0]);
  }
  return [];
}

function middle(points) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  return [(min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2];
}
