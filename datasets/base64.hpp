// Bytes written in letters, as JSON has to. https://www.rfc-editor.org/rfc/rfc4648
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace canopy::datasets {

/// The bytes of a text in base64, padded, without line breaks; none where it is not one.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace canopy::datasets
