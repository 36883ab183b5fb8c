"use strict";
// The text of what the pointer is on, beside it. Everything it shows stands in the tables too.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");
document.body.append(tip);
document.addEventListener("pointermove", (e) => {
  const text = e.target.dataset ? e.target.dataset.tip : undefined;
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  const x = Math.min(e.clientX + 12, document.documentElement.clientWidth - tip.offsetWidth - 8);
  tip.style.left = Math.max(8, x) + "px";
  tip.style.top = e.clientY + 16 + "px";
});
