// Elements, words and numbers. Data only ever becomes text: nothing here or elsewhere parses markup.

const $ = (id) => document.getElementById(id);

function el(tag, attributes, ...children) {
  const e = document.createElement(tag);
  return dress(e, attributes, children);
}

function svg(tag, attributes, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  return dress(e, attributes, children);
}

function dress(e, attributes, children) {
  for (const [k, v] of Object.entries(attributes || {})) {
    if (v === null || v === undefined || v === false) continue;
    if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
    else e.setAttribute(k, v === true ? '' : String(v));
  }
  e.append(...shown(children));
  return e;
}

// shown leaves out what a condition made null or false; the DOM would write it out as a word.
function shown(children) {
  return children.flat().filter((c) => c !== null && c !== undefined && c !== false && c !== '');
}

// say changes a text only where it differs, so that a selection in it survives the next second.
function say(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

const words = {
  act: { acknowledge: 'Acknowledge', en_route: 'On the way', intercept: 'Intercepted', close: 'Close the alert', release: 'Release', undo: 'Undo' },
  state: { open: 'open', acknowledged: 'acknowledged', en_route: 'on the way', intercepted: 'intercepted', closed: 'closed' },
  refused: {
    signature: 'Frames refused: the signature does not hold: the drone signs with another key than its key_file, or somebody imitates it.',
    unsigned: 'Frames refused: unsigned, where the drone is to sign. Switch signing on in the drone, or somebody imitates it.',
    future: 'Frames refused: signed minutes ahead of the clock here. Look at the clocks of drone and station.',
    pinned: 'Frames refused: not from where the drone is pinned. It has a new address, or somebody imitates it.',
    own_id: 'Frames refused: another station speaks under the id of this one. Give one of them another.',
  },
  kind: {
    vehicle_lost: 'Vehicle lost', gate_unseen: 'Gate not watched', identity_conflict: 'Identity in dispute', position_suspect: 'Position not to be trusted',
    trouble: 'Trouble in the station',
  },
  suspect: {},
  side: { left: 'left side', right: 'right side', on: 'on the line' },
  certainty: { certain: 'certainly near', likely: 'likely near', possible: 'possibly near', unlocated: 'position unknown' },
  event: {
    opened: 'opened', sighted: 'sighted again', refined: 'position refined', acknowledged: 'acknowledged', en_route: 'on the way',
    intercepted: 'intercepted', closed: 'closed', reopened: 'open again', escalated: 'escalated', handed_over: 'handed over',
    split: 'split', merged: 'merged', corrected: 'corrected',
  },
  outcome: {
    helped: 'helped', turned_back: 'turned back', handed_over: 'handed over', not_found: 'nobody found',
    false_sighting: 'not what it seemed', cleared: 'cleared by itself',
  },
};
const word = (table, key) => words[table][key] || String(key || '').replaceAll('_', ' ');

// What the close form offers.
const outcomes = ['helped', 'turned_back', 'handed_over', 'not_found', 'false_sighting'];

function metres(m) {
  if (m === null || m === undefined) return '';
  if (m < 10) return m.toFixed(1) + ' m';
  return m < 1000 ? Math.round(m) + ' m' : (m / 1000).toFixed(m < 10000 ? 2 : 1) + ' km';
}

// around is how far a point may be off: whole metres say enough.
const around = (m) => '±\u00a0' + (m < 1000 ? Math.round(m) + '\u00a0m' : metres(m).replace(' ', '\u00a0'));

// degrees are to about a metre, as people read them out.
const degrees = (p) => p.lat.toFixed(5) + ', ' + p.lon.toFixed(5);

function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return s + ' s';
  if (s < 3600) return Math.floor(s / 60) + ' min';
  if (s < 86400) return Math.floor(s / 3600) + ' h ' + Math.floor((s % 3600) / 60) + ' min';
  return Math.floor(s / 86400) + ' d';
}

// Times are the station's: its clock, its zone.
const time = {
  zone: 'UTC',
  ahead: 0, // station clock minus this machine's, ms
  now() { return Date.now() + this.ahead; },
  of(text) { return Date.parse(text); },
  age(text) { return (this.now() - this.of(text)) / 1000; },
  clock(ms, day) {
    const form = { timeZone: this.zone, hour12: false, hour: '2-digit', minute: '2-digit', second: '2-digit' };
    if (day) Object.assign(form, { year: 'numeric', month: '2-digit', day: '2-digit' });
    return new Intl.DateTimeFormat('sv-SE', form).format(new Date(ms));
  },
};
