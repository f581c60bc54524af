// The stream of the demo: a snapshot first, then what has changed. The browser connects again by
// itself when the stream breaks; where it gives up (a server that answers something else while it
// starts), and where nothing has come for a while, this does.

const SILENCE = 4000;
const AGAIN = 700;

export class Feed extends EventTarget {
  about = {};
  state = {};
  #source = null;
  #heard = 0;
  #live = false;
  #connecting = 0;

  start() {
    this.#connect();
    setInterval(() => {
      const gone = this.#source.readyState === EventSource.CLOSED;
      const silent = performance.now() - this.#heard > SILENCE;
      if (silent || gone) this.#tell(false);
      if ((gone || silent) && performance.now() - this.#connecting > SILENCE / 2) this.#connect();
    }, AGAIN);
  }

  #connect() {
    this.#source?.close();
    this.#connecting = performance.now();
    const source = (this.#source = new EventSource("/stream"));
    source.addEventListener("snapshot", (message) => this.#snapshot(JSON.parse(message.data)));
    source.addEventListener("delta", (message) => this.#delta(JSON.parse(message.data)));
    source.addEventListener("error", () => this.#tell(false));
  }

  #snapshot(found) {
    if (this.about.version && this.about.version !== found.about.version) {
      location.reload(); // another version of this very page
      return;
    }
    const again = this.about.run === found.about.run;
    const before = this.state;
    this.about = found.about;
    this.state = found.state;
    this.#hear();
    this.#send("snapshot", { ...found, again, before });
  }

  #delta(change) {
    const before = this.state;
    this.state = { ...before, ...change.state };
    this.#hear();
    this.#send("delta", { events: [], log: [], ...change, before, state: this.state });
  }

  #hear() {
    this.#heard = performance.now();
    this.#tell(true);
  }

  #tell(live) {
    if (live === this.#live) return;
    this.#live = live;
    this.#send("link", live);
  }

  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Send a command; returns "" or the sentence that refuses it. */
export async function command(path, body = {}) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return answer.ok ? "" : (await answer.json()).error;
  } catch {
    return "The demo does not answer. Is it still running?";
  }
}
