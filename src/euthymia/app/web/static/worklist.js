// The worklist between two clicks: news by server-sent events.
// Without this script the list, its filter and its pages work all the same.
"use strict";
(() => {
  const list = () => document.getElementById("list");
  const links = () => [...list().querySelectorAll(".c-who a")];

  const refresh = () => {
    const at = links().indexOf(document.activeElement);
    const href = at < 0 ? null : document.activeElement.getAttribute("href");
    return htmx.ajax("GET", location.pathname + location.search, { target: "#list", headers: { "x-by-itself": "1" } }).then(() => {
      const again = href && links().find((link) => link.getAttribute("href") === href);
      if (again) again.focus();
    });
  };

  // a list that hears nothing any more says so: it looks the same as one of which nothing changed
  const lost = document.getElementById("lost");
  let waiting = 0;
  const found = () => { clearTimeout(waiting); waiting = 0; lost.hidden = true; };
  const gone = () => { clearTimeout(waiting); waiting = 0; lost.hidden = false; };
  lost.querySelector("button").onclick = () => location.reload();
  for (const failed of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) document.body.addEventListener(failed, gone);
  document.body.addEventListener("htmx:afterOnLoad", found);

  const news = document.getElementById("news");
  const tell = () => {
    news.hidden = false;
    news.querySelector("button").onclick = () => { news.hidden = true; refresh(); list().querySelector(".c-who a")?.focus(); };
  };
  const changed = () => {
    // what somebody reads or points at does not move under their hands
    const busy = list().contains(document.activeElement) || list().matches(":hover") || document.hidden;
    if (busy) tell();
    else refresh();
  };
  if (news && window.EventSource) {
    // the stream ends now and then and is opened again: what happened between is news as well
    let known = null;
    const source = new EventSource("/worklist/changes");
    source.addEventListener("state", (event) => { if (known !== null && known !== event.data) changed(); known = event.data; });
    source.addEventListener("changed", (event) => { known = event.data; changed(); });
    source.addEventListener("open", found);
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) gone(); // it is not opened again by itself
      else if (!waiting) waiting = setTimeout(gone, 15000); // it ends every minute, and comes back
    });
    addEventListener("pagehide", () => source.close());
  }
})();
