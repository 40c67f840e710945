// The page: what the stream says goes to where it is shown, and once a second what ages is drawn again.

const main = {
  station: 'riverwatch', heardAt: 0, everHeard: false, sightings: [],

  who() { return $('who').value.trim(); },

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
        alerts.set(data.alerts, true);
        fleet.setVehicles(data.vehicles);
        fleet.setLinks(data.links);
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
        this.sightings = (await api.get('/api/v1/sightings?limit=100')).sightings;
        this.drawSightings();
      } catch { /* the stream's state says that there is no contact */ }
    }, 150);
  },

  drawSightings() {
    map.alerted = new Set([...alerts.all.values()].filter((a) => a.state !== 'closed' && a.zone).map((a) => a.zone));
    const seen = new Set();
    const list = this.sightings.map((s) => {
      const a = s.alert && alerts.all.get(s.alert);
      seen.add(s.alert);
      return {
        lat: s.lat, lon: s.lon, ce90_m: s.ce90_m, alert: s.alert, severity: a && a.state !== 'closed' ? a.severity : '',
        title: `${s.kind}, ${s.vehicle || 'marked by a person'}, ${time.clock(time.of(s.at))}`, at: time.of(s.at),
      };
    });
    for (const a of alerts.all.values()) {
      if (a.state !== 'closed' && a.lat !== null && !seen.has(a.id)) list.push({ lat: a.lat, lon: a.lon, ce90_m: a.ce90_m, alert: a.id, severity: a.severity, title: a.id, at: time.of(a.updated_at) });
    }
    map.setSightings(list.reverse());
    map.draw();
  },

  second() {
    const quiet = Math.floor((performance.now() - this.heardAt) / 1000);
    const pill = $('contact');
    const gone = this.everHeard && quiet >= 4;
    pill.className = 'contact ' + (gone ? 'gone' : this.everHeard ? 'live' : 'waiting');
    say(pill.lastElementChild, gone ? `no contact for ${span(quiet)}` : this.everHeard ? 'live' : 'connecting');
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
