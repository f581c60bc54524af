// The live flow: what passes between the parts, as dots on the pipes between their cards.
//
// Ten times a second the stream says how many messages passed. They are let go evenly over the next
// tenth, one dot for each while an eye can follow; of more, a dot stands for several and is a little
// bigger. So what is drawn is bounded, whatever the load. The canvas lies over the cards and is drawn
// on the pipes only, and in the broker's tray, where each dot is a message that waits.
//
// Where motion is not wanted nothing moves: each pipe has a row of dots, the closer the more passes.

const MOST_A_LOOK = 36;
const LOOK = 0.1;
const CROSSING = 0.75;
const CELL = 8;
const KINDS = ["accent", "again", "bad", "aside"];

export class Flow {
  #panel;
  #canvas;
  #pen;
  #pipes = new Map();
  #tray = null;
  #dots = [];
  #spare = [];
  #due = [];
  #state = {};
  #colours = {};
  #rates = {};
  #ratio = 1;
  #times = [];
  #still = matchMedia("(prefers-reduced-motion: reduce)");
  #drawn = 0;

  constructor(panel, canvas) {
    this.#panel = panel;
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
  }

  start() {
    new ResizeObserver(() => this.#measure()).observe(this.#panel);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#measure());
    this.#still.addEventListener("change", () => this.clear());
    document.addEventListener("visibilitychange", () => this.clear());
    this.#measure();
    requestAnimationFrame((at) => this.#frame(at / 1000));
  }

  clear() {
    this.#dots = [];
    this.#due = [];
  }

  show(state) {
    this.#state = state;
  }

  /** Take what has passed between two states. */
  passed(before, state) {
    if (document.hidden || before.sent === undefined) return;
    const more = (name) => Math.max(0, (state[name] ?? 0) - (before[name] ?? 0));
    const [sent, delivered, again, failed, aside] =
      ["sent", "delivered", "duplicated", "retries", "setAside"].map(more);
    this.#rates = { in: sent, out: delivered + again + aside, serve: delivered + again + failed, aside };
    this.#let("in", "accent", sent);
    this.#let("out", "accent", delivered + again + aside);
    this.#let("serve", "accent", delivered);
    this.#let("serve", "again", again);
    this.#let("serve", "bad", failed);
    this.#let("aside", "aside", aside);
  }

  framesPerSecond() {
    const since = performance.now() - 1000;
    while (this.#times.length && this.#times[0] < since) this.#times.shift();
    return this.#times.length;
  }

  #let(pipe, kind, number) {
    if (!number || this.#still.matches) return;
    const dots = Math.min(number, MOST_A_LOOK);
    const size = (dots > 12 ? 1.6 : 2.3) + Math.min(1, Math.log10(number / dots) * 0.5);
    const now = performance.now() / 1000;
    const wide = Math.min(1, Math.log10(1 + number) / 2.6);
    for (let index = 0; index < dots; index += 1) {
      const dot = this.#spare.pop() ?? {};
      dot.pipe = pipe;
      dot.kind = kind;
      dot.size = size;
      dot.at = now + ((index + Math.random()) / dots) * LOOK;
      dot.aside = (Math.random() * 2 - 1) * wide;
      dot.speed = 0.9 + Math.random() * 0.2;
      this.#dots.push(dot);
    }
  }

  #measure() {
    const style = getComputedStyle(this.#panel);
    for (const kind of [...KINDS, "soft", "line"]) this.#colours[kind] = style.getPropertyValue(`--${kind}`).trim();
    const panel = this.#panel.getBoundingClientRect();
    this.#ratio = Math.min(2, devicePixelRatio || 1);
    this.#canvas.width = Math.round(panel.width * this.#ratio);
    this.#canvas.height = Math.round(panel.height * this.#ratio);
    for (const element of this.#panel.querySelectorAll("[data-pipe]")) {
      const box = this.#box(element, panel);
      const down = getComputedStyle(element).getPropertyValue("--down").trim() === "1";
      this.#pipes.set(element.dataset.pipe, { ...box, down });
    }
    this.#tray = this.#box(document.getElementById("tray"), panel);
  }

  #box(element, panel) {
    const box = element.getBoundingClientRect();
    return { x: box.left - panel.left, y: box.top - panel.top, width: box.width, height: box.height };
  }

  #frame(at) {
    requestAnimationFrame((next) => this.#frame(next / 1000));
    this.#times.push(performance.now());
    if (this.#still.matches) {
      if (at - this.#drawn < 0.5) return;
      this.#drawn = at;
    }
    const pen = this.#pen;
    pen.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    pen.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#drawTray(pen);
    if (this.#still.matches) this.#drawStill(pen);
    else this.#drawDots(pen, at);
  }

  #drawDots(pen, at) {
    const paths = new Map(KINDS.map((kind) => [kind, new Path2D()]));
    const dots = this.#dots;
    let kept = 0;
    for (const dot of dots) {
      let part = ((at - dot.at) / CROSSING) * dot.speed;
      const end = dot.kind === "bad" ? 1.7 : 1;
      if (part >= end) {
        this.#spare.push(dot);
        continue;
      }
      dots[kept] = dot;
      kept += 1;
      if (part < 0) continue;
      // What the service did not take comes back a little way, and fades.
      let size = dot.size;
      if (part > 1) {
        size *= 1.7 - part;
        part = 2 - part;
      }
      const pipe = this.#pipes.get(dot.pipe);
      if (!pipe || !pipe.width) continue;
      const [x, y] = place(pipe, part, dot.aside, size);
      const path = paths.get(dot.kind);
      path.moveTo(x + size, y);
      path.arc(x, y, Math.max(0.3, size), 0, 7);
    }
    dots.length = kept;
    for (const [kind, path] of paths) {
      pen.fillStyle = this.#colours[kind];
      pen.fill(path);
    }
  }

  #drawStill(pen) {
    for (const [name, pipe] of this.#pipes) {
      const passed = this.#rates[name] ?? 0;
      if (!passed || !pipe.width) continue;
      const dots = Math.min(9, 1 + Math.round(Math.log2(1 + passed)));
      pen.fillStyle = this.#colours[name === "aside" ? "aside" : "accent"];
      pen.beginPath();
      for (let index = 0; index < dots; index += 1) {
        const [x, y] = place(pipe, (index + 0.5) / dots, 0, 0);
        pen.moveTo(x + 2.6, y);
        pen.arc(x, y, 2.6, 0, 7);
      }
      pen.fill();
    }
  }

  /** A dot for each message that waits, or for each so many. */
  #drawTray(pen) {
    const tray = this.#tray;
    const waiting = this.#state.waiting ?? 0;
    const label = document.getElementById("tray-scale");
    if (!tray?.width) return;
    const columns = Math.floor(tray.width / CELL);
    const room = columns * Math.floor(tray.height / CELL);
    let each = 1;
    for (const step of [5, 10, 50, 100, 500, 1000, 5000]) if (waiting > room * each) each = step;
    const text = each > 1 ? `a dot is ${each.toLocaleString("en")}` : "";
    if (label.textContent !== text) label.textContent = text;
    const dots = Math.min(room, Math.ceil(waiting / each));
    pen.fillStyle = this.#colours.accent;
    pen.beginPath();
    for (let index = 0; index < dots; index += 1) {
      const x = tray.x + (index % columns) * CELL + CELL / 2;
      const y = tray.y + tray.height - Math.floor(index / columns) * CELL - CELL / 2;
      pen.rect(x - 2.5, y - 2.5, 5, 5);
    }
    pen.fill();
  }
}

/**
 * Where on a pipe a dot is: `part` of the way, `aside` of the half width beside the middle; all of a
 * dot of this size is on the pipe.
 */
function place(pipe, part, aside, size) {
  const along = (length) => size + part * (length - 2 * size);
  if (pipe.down) {
    return [pipe.x + pipe.width / 2 + aside * pipe.width * 0.42, pipe.y + along(pipe.height)];
  }
  return [pipe.x + along(pipe.width), pipe.y + pipe.height / 2 + aside * pipe.height * 0.42];
}
