// Talking to the station: the token as a header, the stream by fetch so that it can have that header too.

const api = {
  token: sessionStorage.getItem('riverwatch.token') || '',

  headers(more) {
    return { ...(this.token ? { Authorization: 'Bearer ' + this.token } : {}), ...more };
  },

  async get(path) {
    const r = await fetch(path, { headers: this.headers(), cache: 'no-store' });
    if (!r.ok) throw await problemOf(r);
    return r.json();
  },

  // post tries again with the same Idempotency-Key where the answer got lost, so nothing is done twice.
  async post(path, body) {
    const key = newKey();
    for (let attempt = 1; ; attempt++) {
      let r;
      try {
        r = await fetch(path, {
          method: 'POST', body: JSON.stringify(body),
          headers: this.headers({ 'Content-Type': 'application/json', 'Idempotency-Key': key }),
        });
      } catch {
        if (attempt >= 3) throw new Error('the station cannot be reached; nothing is certain, look at the alert before you try again');
        await new Promise((done) => setTimeout(done, 700 * attempt));
        continue;
      }
      if (r.status === 503 && attempt < 3) {
        await new Promise((done) => setTimeout(done, 1000));
        continue;
      }
      if (!r.ok) throw await problemOf(r);
      return r.json();
    }
  },
};

// crypto.randomUUID is missing on plain http.
function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

async function problemOf(r) {
  let p = {};
  try { p = await r.json(); } catch { /* not a problem document: the status has to do */ }
  const e = new Error(p.detail || 'the station said ' + r.status);
  e.status = r.status;
  return e;
}

// stream holds the live stream: it reconnects for ever and continues where it was. on(event, data) gets each event,
// onContact() every byte, onRefused() a token that is missing or wrong.
async function stream(on, onContact, onRefused) {
  let last = '';
  let wait = 500;
  for (;;) {
    const cut = new AbortController();
    // The station speaks every second; a line that is silent for 12 is dead, whatever TCP thinks.
    let watchdog = setTimeout(() => cut.abort(), 12000);
    try {
      const r = await fetch('/api/v1/stream', {
        headers: api.headers({ Accept: 'text/event-stream', ...(last ? { 'Last-Event-ID': last } : {}) }),
        cache: 'no-store', signal: cut.signal,
      });
      if (r.status === 401) {
        clearTimeout(watchdog);
        await onRefused();
        continue;
      }
      if (!r.ok) throw await problemOf(r);
      const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        wait = 500;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => cut.abort(), 12000);
        onContact();
        text += value;
        let end;
        while ((end = text.indexOf('\n\n')) >= 0) {
          const m = parseEvent(text.slice(0, end));
          text = text.slice(end + 2);
          if (m.data) on(m.event, JSON.parse(m.data), m.id);
          if (m.id) last = m.id;
        }
      }
    } catch (e) {
      if (e instanceof SyntaxError) last = ''; // a broken event: begin again with a snapshot
    }
    clearTimeout(watchdog);
    await new Promise((done) => setTimeout(done, wait));
    wait = Math.min(wait * 2, 5000);
  }
}

function parseEvent(block) {
  const m = { event: 'message', data: '', id: '' };
  for (const line of block.split('\n')) {
    const at = line.indexOf(':');
    if (at <= 0) continue;
    const value = line.slice(at + 1).replace(/^ /, '');
    if (line.startsWith('data:')) m.data += (m.data ? '\n' : '') + value;
    else if (line.startsWith('event:')) m.event = value;
    else if (line.startsWith('id:')) m.id = value;
  }
  return m;
}
