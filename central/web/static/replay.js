// SPDX-License-Identifier: Apache-2.0
// Plays a pass from its capture: the picture is drawn up to the moment, and each tag fills on the side that reads it. Without it the whole pass stands there.

const root = document.getElementById("replay");
const NOW_MS = 250;

function setUp(steps) {
  const { duration, width, play, pause, time } = root.dataset;
  const lastMs = Number(duration);
  const [button, slider, speed, clock] = ["play", "moment", "speed", "time"].map((id) => document.getElementById(id));
  const until = document.getElementById("played-until");
  const line = document.getElementById("now");
  const cells = { outer: new Map(), inner: new Map() };
  for (const side of ["outer", "inner"]) {
    for (const cell of root.querySelectorAll(`.lane.${side} [data-tag]`)) cells[side].set(Number(cell.dataset.tag), { cell, reads: [] });
  }
  for (const [ms, tag, side] of steps) cells[side].get(tag)?.reads.push(ms);
  let running = 0;
  let before = 0;
  let moment = lastMs;

  function show(ms) {
    moment = ms;
    slider.value = ms;
    const at = (ms / lastMs) * width;
    until.setAttribute("width", at);
    line.setAttribute("d", `M${at} 0V1000`);
    line.setAttribute("visibility", ms < lastMs ? "visible" : "hidden");
    for (const side of ["outer", "inner"]) {
      let seen = 0;
      for (const { cell, reads } of cells[side].values()) {
        const here = reads.length > 0 && reads[0] <= ms;
        if (here) seen += 1;
        cell.classList.toggle("seen", here);
        cell.classList.toggle("now", ms < lastMs && reads.some((each) => each <= ms && each > ms - NOW_MS));
      }
      document.getElementById(`seen-${side}`).textContent = seen;
    }
    const told = time.replace("{now}", (ms / 1000).toFixed(1)).replace("{all}", (lastMs / 1000).toFixed(1));
    clock.textContent = told;
    slider.setAttribute("aria-valuetext", told);
  }

  function frame(at) {
    if (!running) return;
    const ms = Math.min(lastMs, moment + (before ? (at - before) * Number(speed.value) : 0));
    before = at;
    show(ms);
    if (ms >= lastMs) return stop();
    running = requestAnimationFrame(frame);
  }

  function stop() {
    cancelAnimationFrame(running);
    running = 0;
    button.textContent = play;
  }

  button.addEventListener("click", () => {
    if (running) return stop();
    if (moment >= lastMs) show(0);
    before = 0;
    button.textContent = pause;
    running = requestAnimationFrame(frame);
  });
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  show(lastMs);
  document.getElementById("controls").hidden = false;
}

if (root) {
  const answer = await fetch(root.dataset.steps, { headers: { Accept: "application/json" } });
  if (answer.ok) setUp((await answer.json()).steps);
}
