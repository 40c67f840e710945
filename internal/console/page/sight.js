// What a sighting is worth, in words: how many, where, how surely, when. Sightings of older versions lack some fields.

// ofAircraft tells a position of the one who told from a position of what was seen.
const ofAircraft = (s) => s.basis === 'vehicle';

// counted is what was seen: "person", "2 people", "3 × boat".
function counted(s) {
  if (!(s.count > 1)) return s.kind;
  return s.kind === 'person' ? s.count + ' people' : s.count + ' × ' + s.kind;
}

// spread is how far the point may be off: the half axes where they are known, else the radius.
const spread = (s) => (s.ellipse ? `±\u00a0${Math.round(s.ellipse.major_m)}\u00a0×\u00a0${Math.round(s.ellipse.minor_m)}\u00a0m` : s.ce90_m === null || s.ce90_m === undefined ? '' : around(s.ce90_m));

// direction is what a ray says: where it points, seen from whom.
const direction = (s) => `bearing ${Math.round(s.ray.bearing_deg) % 360}° (${compass(s.ray.bearing_deg)}) from ${s.vehicle || 'the camera'}`;

// reach is how far away the ray's target may be.
const reach = (r) => (r.min_m >= 1 ? metres(r.min_m) + ' to ' : 'up to ') + metres(r.max_m) + ' away';

// unsure is how far a sighting's time may be off, "" where that is nothing to think about.
const unsure = (s) => (s.time_uncertainty_ms > 2000 ? '±\u00a0' + span(Math.ceil(s.time_uncertainty_ms / 1000)).replace(' ', '\u00a0') : '');

const clocks = { utc: 'by the drone’s own UTC', boot: 'by the drone’s clock since its start', receive: 'by when it arrived', stated: 'as a person told' };

// dated is when it was seen, how surely, and by whose clock.
function dated(s) {
  const off = s.time_uncertainty_ms >= 1000 ? span(Math.ceil(s.time_uncertainty_ms / 1000)) : (s.time_uncertainty_ms / 1000 || 0).toFixed(1) + ' s';
  return 'seen ' + time.clock(time.of(s.at)) + (s.time_uncertainty_ms > 0 ? ' ±\u00a0' + off.replace(' ', '\u00a0') : '') + (clocks[s.time_source] ? ', ' + clocks[s.time_source] : '');
}

const grounds = {
  reported: 'where the drone says that its camera looks', terrain: 'from the terrain model', vehicle: 'as the drone measures it',
  surface: 'the zone’s water level', home: 'as high as the place of take-off',
};

// aimed is what a point by the camera's line of sight rests on, "" for any other.
const aimed = (s) => (grounds[s.ground] ? 'by the camera’s line of sight; ground: ' + grounds[s.ground] : '');

// doubts are the labels that a sighting's card must have, so that nobody goes by it as by a place that is known.
function doubts(a, s) {
  if (a.kind !== 'sighting') return [];
  return [
    !a.verified && ['unverified', 'The drone that told of it is not in the configuration, or its identity is in doubt.'],
    s && s.ray && ['direction only', 'Where the camera looked is known, how far away it was not.'],
    s && s.suspect && ['position suspect', 'It rests on a position of the drone that something contradicts.'],
    s && unsure(s) && ['time ' + unsure(s), 'When it was seen is not surer than this.'],
  ].filter(Boolean);
}

const suspicions = {
  frozen: 'its position stands still while it says that it moves', jump: 'its position jumped further than it can fly',
  glitch: 'its own filter finds fault with its GPS', spoofing: 'its receiver says that its GPS is being deceived',
  divergence: 'its GPS and its filter disagree about where it is',
};
const suspicion = (v) => (v.suspect ? suspicions[v.suspect] || word('suspect', v.suspect) : '');

// remedies are what to do about the station's own alerts that are about whom and what to believe.
const remedies = {
  identity_conflict: (name) => `Ask the crews who flies as ${name}: give one of two drones another system id, or correct the pins. Until then check its sightings by radio before anyone goes.`,
  position_suspect: (name) => `Ask the pilot where ${name} is. Do not go by its place on the map, nor by sightings marked “position suspect”.`,
};

// told is a sighting in a line of a timeline.
function told(s) {
  const where = s.ray ? 'direction only: ' + direction(s) : s.lat === null ? 'position unknown' : spread(s);
  return [counted(s), 'by ' + (s.vehicle || 'a person at the console'), ofAircraft(s) && 'position of the aircraft', where, s.suspect && 'position suspect', unsure(s) && 'time ' + unsure(s)]
    .filter(Boolean).join(', ');
}
