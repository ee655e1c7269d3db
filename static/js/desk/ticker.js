/* A worker that says every three seconds that it is time to ask. Browsers slow the timers of a page in the background down to one a
   minute, and not those of its workers: a new tip would be shown in the title a minute late. */

setInterval(() => postMessage(""), 3000);
