// The columns of a comparison: search, filter, and links that open what they lead to.
"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const columns = all(".column").map((element) => ({
    element,
    entry: one(`.index a[href="#${element.id}"]`).parentElement,
    status: element.dataset.status,
    text: one("summary", element).textContent.toLowerCase(),
  }));
  const buttons = all(".choice button");
  let wanted = "";

  function filter() {
    const words = one("#search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let matches = 0;
    for (const column of columns) {
      const matching = (!wanted || column.status === wanted) && words.every((word) => column.text.includes(word));
      column.element.hidden = column.entry.hidden = !matching;
      matches += matching;
    }
    one("#none").hidden = matches > 0;
    one("#matches").textContent = matches < columns.length ? `${matches} of ${columns.length} columns` : "";
  }

  one("#search").addEventListener("input", filter);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      wanted = button.dataset.status;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      filter();
    });
  }
  for (const [id, open] of [["open-all", true], ["close-all", false]]) {
    one(`#${id}`).addEventListener("click", () => {
      for (const { element } of columns) if (!element.hidden) element.open = open;
    });
  }
  for (const tools of all(".tools")) tools.hidden = false;

  // A link to a column opens it, and shows it even if the filter had hidden it.
  function follow() {
    const target = columns.find(({ element }) => `#${element.id}` === location.hash)?.element;
    if (!target) return;
    target.hidden = false;
    target.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.(`a[href="${location.hash}"]`)) follow();
  });
  if (matchMedia("(max-width: 1000px)").matches) one(".list").open = false;
  follow();
})();
