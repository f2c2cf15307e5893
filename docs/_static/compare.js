/* Before and after: a line to drag, or to move with the keys of a slider. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const figure of document.querySelectorAll(".clode-compare")) {
    const [before, after] = figure.querySelectorAll("img");
    const frame = document.createElement("div"), range = document.createElement("input");
    frame.className = "clode-compare-frame";
    range.type = "range";
    range.min = "0";
    range.max = "100";
    range.value = "50";
    range.setAttribute("aria-label", "Where the picture before ends and the picture after begins");
    after.before(frame);
    frame.append(after, before, range);
    const show = () => {
      frame.style.setProperty("--line", range.value + "%");
      range.setAttribute("aria-valuetext", range.value + " percent before");
    };
    range.addEventListener("input", show);
    show();
    figure.classList.add("clode-compare-ready");
  }
});
