#pragma once
// The functions and filters of a site, beside those of the language (S-54 to S-57): get_url,
// get_page, get_section, get_taxonomy, get_taxonomy_term, get_taxonomy_url, trans, get_hash,
// get_image_metadata, resize_image, load_data; markdown, base64_encode, base64_decode,
// regex_replace, num_format.

#include "template/engine.h"

namespace weir::site {

class Site;

// `site` must outlive the engine.
void add_site_functions(tmpl::Engine& engine, const Site& site);

}  // namespace weir::site
