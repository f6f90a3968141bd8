"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- Search and filter -------------------------------------------------------------------------------------------

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
  one("#unscripted")?.remove();

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

  // --- Charts ------------------------------------------------------------------------------------------------------

  const source = one("#charts");
  if (!source) return follow();
  const { templates, config, pictures } = JSON.parse(source.textContent);
  let library;

  // The bundle is inflated when the first chart comes into view.
  function loaded() {
    library ??= (async () => {
      const packed = Uint8Array.from(atob(one("#vega").textContent), (sign) => sign.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
      const script = document.createElement("script");
      script.textContent = await new Response(stream).text();
      document.head.append(script);
    })();
    return library;
  }

  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  function tooltip(_, event, item, value) {
    tip.hidden = !value;
    if (!value) return;
    tip.replaceChildren(
      ...Object.entries(value).map(([name, text], i) => {
        const line = document.createElement("div");
        for (const part of i ? [name, text] : [text]) line.append(Object.assign(document.createElement("span"), { textContent: part }));
        return line;
      }),
    );
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 4))}px`;
    tip.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18}px`;
  }

  async function draw(plot) {
    const place = document.createElement("div");
    place.className = "drawn";
    try {
      await loaded();
      plot.append(place);
      const { kind, height, rows } = pictures[plot.dataset.picture];
      const options = {
        mode: "vega-lite", renderer: "svg", actions: false, defaultStyle: false, tooltip, config,
        ast: true, // expressions are interpreted: the page's policy lets nothing be compiled
      };
      await vegaEmbed(place, { ...templates[kind], height, data: { values: rows } }, options);
      one(".outline", plot)?.style.setProperty("visibility", "hidden");
      plot.dataset.drawn = "yes";
    } catch (error) {
      place.remove();
      plot.dataset.drawn = "no";
      console.error(error);
    }
  }

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        draw(target);
      }
    },
    { rootMargin: "400px" },
  );
  for (const plot of all(".plot")) watcher.observe(plot);

  // A chart in a folded column misses changes of the window's width; Vega looks at it again when told of one.
  document.addEventListener(
    "toggle",
    ({ target }) => {
      const svg = target.open && one(".drawn svg", target);
      if (svg && svg.clientWidth !== svg.parentElement.clientWidth) dispatchEvent(new Event("resize"));
    },
    true,
  );
  follow();
})();
