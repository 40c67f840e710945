// The page: what the stream says goes to where it is shown, and once a second what ages is drawn again.

const main = {
  station: 'riverwatch', heardAt: 0, everHeard: false, gone: false, known: false, sightings: [],

  who() { return $('who').value.trim(); },

  // name asks who acts, where that is not known yet; what they tapped waits for it. It gives false for "Cancel".
  name(what) {
    if (this.who()) return true;
    const box = $('name-box');
    say($('name-go'), what);
    box.returnValue = '';
    box.showModal();
    return new Promise((done) => {
      box.onclose = () => {
        if (box.returnValue === 'go') {
          $('who').value = $('name').value.trim();
          $('who').onchange();
        }
        done(Boolean(this.who()));
      };
    });
  },

  // hearing says how well the station hears; with a title and a text where it is deaf and silence means nothing.
  hearing() {
    const { links, vehicles } = fleet;
    const heard = vehicles.filter((v) => v.state === 'heard').length;
    if (!links.some((l) => l.up)) {
      const short = links.length ? `0 of ${links.length} links up` : 'no link is configured';
      return { tone: 'bad', says: 'nothing is heard: ' + short, title: 'Nothing is heard',
        text: (links.length ? 'No link is up' : 'No link is configured') + ', so no drone can tell of anybody.' };
    }
    if (!heard && !vehicles.some((v) => v.state === 'stale')) {
      const lost = vehicles.filter((v) => v.state === 'lost').length;
      return { tone: lost ? 'bad' : 'warn', says: 'no drone is heard', title: 'No drone is heard',
        text: (lost ? `Contact with ${lost === 1 ? 'one is' : lost + ' are'} lost. ` : '') + 'Nobody watches the river until one is heard.' };
    }
    return { tone: vehicles.some((v) => v.known && v.state !== 'heard') || links.some((l) => !l.up) ? 'warn' : 'good', says: 'drones: ' + fleet.heard() };
  },

  banner(text, calm) {
    say($('banner'), text);
    $('banner').classList.toggle('calm', Boolean(calm));
    $('banner').hidden = !text;
    clearTimeout(this.bannerTimer);
    if (text) this.bannerTimer = setTimeout(() => this.banner(''), 8000);
  },

  on(event, data) {
    switch (event) {
      case 'snapshot':
        this.station = data.station || 'riverwatch';
        say($('station'), this.station);
        $('station').title = 'riverwatch ' + data.version;
        time.zone = data.timezone;
        time.ahead = time.of(data.at) - Date.now();
        fleet.setVehicles(data.vehicles);
        fleet.setLinks(data.links);
        this.known = true;
        alerts.set(data.alerts, true);
        this.second();
        this.loadZones();
        this.loadSightings();
        this.openAddressed();
        break;
      case 'transition':
        alerts.apply(data);
        if (data.sighting) this.loadSightings();
        break;
      case 'notice':
      case 'note':
        if (alerts.chosen) alerts.loadLine(alerts.chosen);
        break;
      case 'vehicles':
        time.ahead = time.of(data.at) - Date.now();
        fleet.setVehicles(data.vehicles);
        break;
      case 'links':
        fleet.setLinks(data.links);
        break;
    }
  },

  openAddressed() {
    const m = location.pathname.match(/^\/a\/([^/]+)$/);
    if (m && !alerts.chosen) alerts.open(decodeURIComponent(m[1]));
  },

  async loadZones() {
    try {
      map.setZones(await api.get('/api/v1/zones'));
      if (!map.moved) alerts.showChosen();
      alerts.draw();
    } catch (e) {
      this.banner('The zones could not be loaded: ' + e.message);
    }
  },

  // loadSightings fetches the newest; a burst of transitions makes one request, not one each.
  loadSightings() {
    clearTimeout(this.sightingsTimer);
    this.sightingsTimer = setTimeout(async () => {
      try {
        this.sightings = (await api.get('/api/v1/sightings?limit=500')).sightings;
        for (const s of this.sightings) if (s.alert) alerts.learn(s.alert, s);
        alerts.draw();
      } catch {
        this.sightingsTimer = setTimeout(() => this.loadSightings(), 3000); // the cards' places are in them
      }
    }, 150);
  },

  drawSightings() {
    map.alerted = new Set([...alerts.all.values()].filter((a) => a.state !== 'closed' && a.zone).map((a) => a.zone));
    const drawn = new Set();
    const spot = (s, a) => ({
      lat: s.ray ? s.ray.lat : s.lat, lon: s.ray ? s.ray.lon : s.lon, ce90_m: s.ce90_m, ellipse: s.ellipse, ray: s.ray, alert: a ? a.id : s.alert,
      severity: a ? a.severity : '', aircraft: ofAircraft(s), suspect: s.suspect, title: `${told(s)}, ${time.clock(time.of(s.at))}`,
    });
    const list = this.sightings.flatMap((s, i) => {
      const a = s.alert && alerts.all.get(s.alert);
      const active = a && a.state !== 'closed';
      if (i >= 100 && !active) return [];
      drawn.add(s.alert);
      return spot(s, active && a);
    });
    for (const [id, s] of alerts.seen) {
      const a = alerts.all.get(id);
      if (a && a.state !== 'closed' && !drawn.has(id)) list.push(spot(s, a));
    }
    map.setSightings(list.reverse());
    map.draw();
  },

  second() {
    const quiet = Math.floor((performance.now() - this.heardAt) / 1000);
    const pill = $('contact');
    const gone = this.gone = this.everHeard && quiet >= 4;
    pill.className = 'contact ' + (gone ? 'bad' : this.everHeard ? 'good' : 'waiting');
    say(pill.lastElementChild, gone ? `no contact for ${span(quiet)}` : this.everHeard ? 'connected' : 'connecting');
    const hearing = this.hearing();
    $('hearing').className = 'contact ' + hearing.tone;
    $('hearing').hidden = gone || !this.known;
    say($('hearing'), hearing.says);
    document.body.classList.toggle('stale-page', gone);
    const now = this.everHeard ? time.clock(time.now() - (gone ? quiet * 1000 : 0)) : '';
    $('clock').replaceChildren(now, now ? el('small', {}, ' ' + time.zone) : '');
    alerts.second();
  },

  // askToken resolves when the person has given a token; whether it is right shows at the next request.
  askToken() {
    const box = $('login');
    if (api.token) say($('login-error'), 'This token is not the station’s.');
    if (!box.open) box.showModal();
    return new Promise((done) => {
      $('login-form').onsubmit = () => {
        api.token = $('token').value.trim();
        sessionStorage.setItem('riverwatch.token', api.token);
        $('token').value = '';
        done();
      };
      box.oncancel = (e) => e.preventDefault();
    });
  },

  listenMark() {
    let at = null;
    const stop = () => {
      map.onPlace = null;
      map.root.classList.remove('marking');
      $('mark').setAttribute('aria-pressed', 'false');
      $('maphint').hidden = true;
    };
    $('mark').onclick = () => {
      if (map.onPlace) { stop(); return; }
      $('mark').setAttribute('aria-pressed', 'true');
      map.root.classList.add('marking');
      say($('maphint'), 'Click where it was seen');
      $('maphint').hidden = false;
      map.onPlace = (place) => {
        at = place;
        stop();
        say($('mark-where'), `${at.lat.toFixed(7)}, ${at.lon.toFixed(7)}  WGS-84`);
        say($('mark-error'), '');
        $('mark-box').showModal();
      };
    };
    $('mark-send').onclick = async () => {
      if (!await this.name('Mark')) return;
      const send = $('mark-send');
      send.disabled = true;
      say($('mark-error'), '');
      try {
        const body = { lat: round7(at.lat), lon: round7(at.lon), kind: $('mark-kind').value, note: $('mark-note').value.trim(), by: this.who() };
        if ($('mark-ce90').value !== '') body.ce90_m = Number($('mark-ce90').value);
        const reply = await api.post('/api/v1/sightings', body);
        $('mark-box').close();
        $('mark-note').value = '';
        this.banner('');
        this.loadSightings();
        if (reply.alert) alerts.open(reply.alert);
        else this.banner('The mark is kept. It is not near a zone, so there is no alert.', true);
      } catch (e) {
        say($('mark-error'), e.message);
      }
      send.disabled = false;
    };
    document.addEventListener('keydown', (e) => { if (e.key === 'Escape') stop(); });
  },

  start() {
    $('who').value = localStorage.getItem('riverwatch.who') || '';
    $('who').onchange = () => localStorage.setItem('riverwatch.who', this.who());
    $('name-cancel').onclick = () => $('name-box').close();
    map.listen();
    map.onPick = (id) => {
      alerts.choose(id);
      const card = alerts.cards.get(id);
      if (card) card.node.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
    };
    alerts.listen();
    this.listenMark();
    setInterval(() => this.second(), 1000);
    this.second();
    stream((event, data) => this.on(event, data), () => {
      this.heardAt = performance.now();
      if (!this.everHeard) {
        this.everHeard = true;
        this.second();
      }
    }, () => this.askToken());
  },
};

const round7 = (x) => Math.round(x * 1e7) / 1e7;

main.start();
