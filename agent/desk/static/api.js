// Talks to the page's own server.

let token = "";

export function keep(session) {
  token = session.csrf;
}

// {ok, status, body}; never throws.
export async function post(path, body = {}) {
  try {
    const answer = await fetch(path, {
      method: "POST", headers: { "Content-Type": "application/json", "X-Desk-Token": token }, body: JSON.stringify(body),
      signal: AbortSignal.timeout(20000),
    });
    return { ok: answer.ok, status: answer.status, body: await answer.json().catch(() => ({})) };
  } catch {
    return { ok: false, status: 0, body: {} };
  }
}

export async function get(path) {
  try {
    const answer = await fetch(path, { signal: AbortSignal.timeout(20000) });
    return { ok: answer.ok, status: answer.status, body: await answer.json().catch(() => ({})) };
  } catch {
    return { ok: false, status: 0, body: {} };
  }
}

const SILENT_MS = 16000;

// The stream of changes. The server says that it lives every 5 s; a silent stream is opened anew.
export function listen({ everything, changes, alive, lost, ended }) {
  let source;
  let last = Date.now();
  let stopped = false;
  const open = () => {
    source?.close();
    source = new EventSource("/api/events");
    last = Date.now();
    const on = (name, then) => source.addEventListener(name, (event) => { last = Date.now(); then(JSON.parse(event.data)); });
    on("everything", everything);
    on("changes", changes);
    on("alive", alive);
    source.onerror = async () => {
      if (stopped) return;
      lost();
      if (source.readyState !== EventSource.CLOSED) return;
      const session = await get("/api/session");
      if (session.status === 401) ended();
    };
  };
  open();
  const timer = setInterval(() => {
    if (Date.now() - last > SILENT_MS) { lost(); open(); }
  }, 2000);
  return () => { stopped = true; clearInterval(timer); source.close(); };
}
