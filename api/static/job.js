// Follows a job by server-sent events; the words come from the page, and when the job has ended the page is drawn anew.
"use strict";

(() => {
  const box = document.getElementById("job");
  if (!box || box.dataset.ended === "yes" || !window.EventSource) return;

  const words = document.getElementById("job-words").content;
  const phase = document.getElementById("job-phase");
  const bar = document.getElementById("job-bar");
  const count = document.getElementById("job-count");
  const state = document.getElementById("job-state");
  const numbers = new Intl.NumberFormat(document.documentElement.lang);
  const events = new EventSource(box.dataset.events);

  function show(job) {
    if (job.state === "queued") return;
    document.getElementById("job-unattended")?.remove();
    const known = words.querySelector(`[data-phase="${CSS.escape(job.phase)}"]`);
    const said = known ? known.textContent : job.phase;
    if (phase.textContent !== said) phase.textContent = said;
    const now = words.querySelector(`[data-state="${CSS.escape(job.state)}"]`);
    if (now && state.textContent !== now.textContent) {
      state.textContent = now.textContent;
      state.className = `state ${job.state}`;
    }
    if (job.total) {
      bar.max = job.total;
      bar.value = job.done;
      count.textContent = words.querySelector("[data-count]").textContent.replace("{done}", numbers.format(job.done)).replace("{total}", numbers.format(job.total));
    } else {
      bar.removeAttribute("value");
      count.textContent = "";
    }
  }

  events.addEventListener("progress", (event) => show(JSON.parse(event.data)));
  events.addEventListener("end", () => {
    events.close();
    window.location.reload();
  });
})();
