// Where the features of the training folds lie: what a recording's distance from experience is measured by.
#pragma once

#include <optional>
#include <vector>

#include "base/matrix.h"
#include "bundle/bundle.h"

namespace ecg2lab {

// Glossary: F features.
class TrainedFeatures {
 public:
  // `mean` is (F), `whitening` (F, F). Throws std::invalid_argument if the shapes differ.
  TrainedFeatures(std::vector<float> mean, std::vector<float> whitening);

  // Those of a bundle; none: its contract has no experience. Throws Error of kind `bundle` if they are not there.
  static std::optional<TrainedFeatures> of(const Bundle& bundle);

  std::size_t size() const { return mean_.size(); }
  // Of the mean over the rows of `features`, (windows, F): its Mahalanobis distance. Throws std::invalid_argument if it
  // has no row, or another number of columns.
  double distance(MatrixView<float> features) const;

 private:
  std::vector<float> mean_;
  std::vector<float> whitening_;
};

}  // namespace ecg2lab
