"use strict";
const cases = [...document.querySelectorAll(".case")];
const filters = document.querySelector(".filters");
if (filters) {
  filters.hidden = false;
  filters.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("fold" in button.dataset) {
      cases.forEach((one) => { one.open = button.dataset.fold === "open"; });
      return;
    }
    const wanted = button.dataset.show;
    cases.forEach((one) => { one.hidden = wanted !== "" && one.dataset.verdict !== wanted; });
    filters.querySelectorAll("[data-show]").forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
  });
}
document.querySelectorAll("a[data-case]").forEach((link) => link.addEventListener("click", (event) => {
  event.preventDefault();
  const target = cases.find((one) => one.dataset.case === link.dataset.case);
  target.open = true;
  target.hidden = false;
  target.scrollIntoView({ block: "start" });
}));
