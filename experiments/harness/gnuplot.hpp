// Lines as SVG, drawn by gnuplot in a child process.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <canopy/core/error.hpp>

namespace canopy::harness {

struct Line {
  std::string title;  ///< empty: not in the legend
  std::string colour;
  double width = 2;
  int dashes = 1;  ///< gnuplot's dash type; 1 is solid
  std::vector<double> x;
  std::vector<double> y;          ///< as many; gaps where not finite
  std::vector<double> low = {};   ///< as many, or none: the lower edge of a band around the line
  std::vector<double> high = {};  ///< its upper edge
};

/// Colours that are easily told apart, the first eighteen all different.
std::string colour(std::size_t i);

struct Panel {
  std::string title;
  std::vector<Line> lines;
};

struct Figure {
  std::string name;  ///< of the file, without .svg: letters, digits, '-' and '.'
  std::string title;
  std::string x_label;
  std::string y_label;
  std::string legend;         ///< its place in each panel, such as "bottom right"; a long one stands beside them
  std::vector<Panel> panels;  ///< all over the same range of x
};

/// Says which package has gnuplot.
class GnuplotMissing : public Error {
 public:
  using Error::Error;
};

/// The figure as an SVG file. The same figure gives the same bytes. Throws GnuplotMissing when gnuplot cannot be
/// started, Error with gnuplot's own words when it fails. Every panel needs a finite value.
std::string to_svg(const Figure& figure);

}  // namespace canopy::harness
