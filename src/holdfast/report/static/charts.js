// Charts: each is drawn when it comes into view; all of a page with `data-draw="all"` at once, so that it can be printed.
"use strict";
(() => {
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  one("#unscripted")?.remove();
  const { templates, config, pictures } = JSON.parse(one("#charts").textContent);
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
    { rootMargin: document.body.dataset.draw === "all" ? "100000px" : "400px" },
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
})();
