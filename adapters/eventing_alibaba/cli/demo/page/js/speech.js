// What happened, as sentences: all of them in the list, and the latest few in the live region, which
// changes at most every few seconds, so that a screen reader can finish its sentence.

import { clock } from "./format.js";

const PAUSE = 2500;
const MOST_AT_ONCE = 3;
const MOST_LINES = 40;

const region = document.getElementById("say");
const list = document.getElementById("log");

let waiting = [];
let last = -Infinity;
let timer = 0;

export function speak(sentence) {
  waiting.push(sentence);
  if (!timer) timer = setTimeout(tell, Math.max(0, last + PAUSE - performance.now()));
}

function tell() {
  timer = 0;
  last = performance.now();
  // Of many the latest tell how it is now.
  region.textContent = waiting.slice(-MOST_AT_ONCE).join(" ");
  waiting = [];
}

export function showLog(lines, { fresh = false, quiet = false } = {}) {
  if (fresh) list.replaceChildren();
  for (const line of lines) {
    const item = document.createElement("li");
    item.dataset.tone = line.tone;
    const at = document.createElement("time");
    at.textContent = clock(line.at);
    const text = document.createElement("span");
    text.textContent = line.text;
    item.append(at, text);
    list.prepend(item);
    if (!quiet) speak(line.text);
  }
  while (list.childElementCount > MOST_LINES) list.lastElementChild.remove();
}
