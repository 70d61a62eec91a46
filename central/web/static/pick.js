// SPDX-License-Identifier: Apache-2.0
// Keeps the page of a picker, or of a wall, true: when a light was pressed or a lamp died the server's stop is another one, and the page is drawn anew.
// What a scanner types lands in the scan field wherever the focus is. Without this module the page works by its forms.

const LOOK_MS = 1500;
const field = document.querySelector("input[data-scan]");
const { stop: shown = "", here = "/pick", goods = "" } = document.body.dataset;
const query = goods && `?${new URLSearchParams({ goods })}`;

async function look() {
  if (document.hidden || document.querySelector("input:not([data-scan]):focus")) return;
  try {
    const answer = await fetch(`${here}/state${query}`, { headers: { Accept: "application/json" } });
    if (answer.ok && (await answer.json()).now !== shown && !field?.value) location.assign(here + query);
  } catch {
    // The network is away for a moment; the next look comes soon.
  }
}

document.addEventListener("keydown", (event) => {
  if (!field || event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input, select, textarea, button, summary, a")) return;
  field.focus();
});
// A glove presses twice: the second press of a form that is on its way is nothing.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "1";
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));
setInterval(look, LOOK_MS);
