// The buttons, made from what the demo says can be broken, and the load.

import { command } from "./feed.js";
import { count } from "./format.js";

const STOPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const HINT = "Every button says here what it does.";

const hint = document.getElementById("hint");
const heal = document.getElementById("heal");
const load = document.getElementById("load");
const loadText = document.getElementById("load-text");
const source = document.getElementById("source");
const story = document.getElementById("story");

let buttons = new Map();
let known = "";
let dragging = 0;
let speak = () => {};

/** `say(sentence)` is for what a command was refused with. */
export function startControls(say) {
  speak = say;
  load.max = STOPS.length - 1;
  load.addEventListener("input", () => {
    showLoad();
    clearTimeout(dragging);
    dragging = setTimeout(async () => {
      dragging = 0;
      await send("/load", { rate: STOPS[load.value] });
    }, 150);
  });
  heal.addEventListener("click", () => send("/heal"));
  source.addEventListener("change", () => send("/source", { source: source.value }));
}

/** Build what depends on the source; called with each snapshot. */
export function buildControls(about) {
  for (const place of document.querySelectorAll(".broker-name")) place.textContent = about.broker;
  document.getElementById("note").textContent = about.note;
  source.replaceChildren(...about.sources.map((name) => new Option(name, name, false, name === about.source)));
  document.getElementById("source-choice").hidden = about.sources.length < 2;
  story.hidden = !about.story;
  story.href = about.story ?? "/";
  const now = JSON.stringify(about.faults);
  if (now === known) return; // the same buttons stay, and the focus with them
  known = now;
  buttons = new Map();
  for (const group of document.querySelectorAll("[data-place]")) {
    const faults = about.faults.filter((fault) => fault.place === group.dataset.place);
    group.replaceChildren(...faults.map((fault) => button(fault, group.dataset.place)));
  }
}

function button(fault, place) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = fault.label;
  made.dataset.fault = fault.name;
  // "Down" alone says nothing to those who do not see where it stands.
  made.setAttribute("aria-label", `${place[0].toUpperCase()}${place.slice(1)}: ${fault.label}`);
  made.setAttribute("aria-description", fault.does);
  if (!fault.momentary) made.setAttribute("aria-pressed", "false");
  made.addEventListener("click", () => {
    const pressed = made.getAttribute("aria-pressed") === "true";
    hint.textContent = fault.does;
    send(pressed ? "/heal" : "/break", { fault: fault.name });
  });
  for (const name of ["pointerenter", "focus"]) {
    made.addEventListener(name, () => (hint.textContent = fault.does));
  }
  made.addEventListener("pointerleave", () => (hint.textContent = HINT));
  buttons.set(fault.name, made);
  return made;
}

export function showControls(state) {
  const active = new Set(state.active ?? []);
  for (const [name, made] of buttons) {
    if (made.hasAttribute("aria-pressed")) made.setAttribute("aria-pressed", String(active.has(name)));
  }
  heal.classList.toggle("wanted", active.size > 0);
  if (!dragging && state.load) {
    load.value = nearest(state.load);
    showLoad(state.load);
  }
}

function showLoad(rate = STOPS[load.value]) {
  const text = `${count(rate)} a second`;
  if (loadText.textContent === text) return;
  loadText.textContent = text;
  load.setAttribute("aria-valuetext", `${count(rate)} orders a second`);
}

function nearest(rate) {
  let best = 0;
  STOPS.forEach((stop, index) => {
    if (Math.abs(Math.log(stop / rate)) < Math.abs(Math.log(STOPS[best] / rate))) best = index;
  });
  return best;
}

async function send(path, body) {
  const refused = await command(path, body);
  if (refused) speak(refused);
}
