// The last minute, in three small charts; two looks a second. Each says in words what it shows.

import { count, milliseconds, rate } from "./format.js";

const LOOKS = 120;
const MARGIN = 4;

export class Charts {
  #looks = [];
  #rate = document.getElementById("chart-rate");
  #waiting = document.getElementById("chart-waiting");
  #latency = document.getElementById("chart-latency");
  #told = 0;

  clear() {
    this.#looks = [];
  }

  look(state) {
    if (state.sent === undefined) return;
    this.#looks.push(state);
    if (this.#looks.length > LOOKS) this.#looks.shift();
    if (document.hidden) return;
    const style = getComputedStyle(document.body);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.#draw(this.#rate, [
      { name: "rateOut", colour: colour("accent"), filled: true },
      { name: "rateIn", colour: colour("soft") },
    ], rate);
    this.#draw(this.#waiting, [{ name: "waiting", colour: colour("warn"), filled: true }], count, 10);
    this.#draw(this.#latency, [
      { name: "p99", colour: colour("again") },
      { name: "p50", colour: colour("accent"), filled: true },
    ], milliseconds, 100);
    this.#tell(state);
  }

  #draw(canvas, lines, format, least = 5) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = Math.min(2, devicePixelRatio || 1);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const all = lines.flatMap(({ name }) => this.#looks.map((look) => look[name] ?? 0));
    const top = nice(Math.max(least, ...all));
    const x = (index) => width - ((this.#looks.length - 1 - index) / (LOOKS - 1)) * width;
    const y = (value) => height - 1 - (value / top) * (height - 2 * MARGIN);
    pen.strokeStyle = style.getPropertyValue("--line");
    pen.lineWidth = 1;
    pen.beginPath();
    for (const part of [0, 0.5, 1]) {
      pen.moveTo(0, Math.round(y(top * part)) + 0.5);
      pen.lineTo(width, Math.round(y(top * part)) + 0.5);
    }
    pen.stroke();
    for (const line of lines) this.#line(pen, line, x, y);
    pen.fillStyle = style.getPropertyValue("--soft");
    pen.font = `11px ${style.fontFamily}`;
    pen.fillText(format(top), 2, y(top) + 12);
  }

  #line(pen, { name, colour, filled }, x, y) {
    const line = new Path2D();
    let begun = null;
    let end = 0;
    this.#looks.forEach((look, index) => {
      const value = look[name];
      if (value === null || value === undefined) return;
      if (begun === null) {
        line.moveTo(x(index), y(value));
        begun = x(index);
      } else line.lineTo(x(index), y(value));
      end = x(index);
    });
    if (begun === null) return;
    pen.strokeStyle = colour;
    pen.lineWidth = 1.75;
    pen.lineJoin = "round";
    pen.stroke(line);
    if (filled) {
      const area = new Path2D(line);
      area.lineTo(end, y(0));
      area.lineTo(begun, y(0));
      area.closePath();
      pen.globalAlpha = 0.14;
      pen.fillStyle = colour;
      pen.fill(area);
      pen.globalAlpha = 1;
    }
  }

  #tell(state) {
    this.#told = (this.#told + 1) % 10;
    if (this.#told !== 1) return;
    const say = (canvas, text) => canvas.setAttribute("aria-label", text);
    say(this.#rate, `Orders a second: ${rate(state.rateIn)} sent, ${rate(state.rateOut)} accepted`);
    say(this.#waiting, `${count(state.waiting)} orders wait`);
    say(this.#latency, `From order to accepted: half within ${milliseconds(state.p50)}, 99 of 100 within ${milliseconds(state.p99)}`);
  }
}

/** The next of 1, 2, 5, 10, ... that is no smaller. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}
