/* The desk's pages work without script; these modules make them faster. One import per module. */

import "./chosen.js";
import "./search.js";
