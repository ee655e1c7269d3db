/* The desk's pages work without script; these modules make them faster. One import per module. */

import "./chosen.js";
import "./drafts.js";
import "./keys.js";
import "./live.js";
import "./search.js";
import "./tip.js";
import "./toasts.js";
