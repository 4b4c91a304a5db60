#include "quality/leads.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace ecg2lab {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A limb lead as a · I + b · II (Einthoven, Goldberger).
struct LimbLead {
  std::string_view name;
  double a, b;
};
constexpr LimbLead kLimbLeads[] = {{"III", -1, 1}, {"aVR", -0.5, -0.5}, {"aVL", 1, -0.5}, {"aVF", -0.5, 1}};

class Comparison {
 public:
  Comparison(std::span<const MeasuredLead> leads, const std::vector<double>& products, std::size_t stride)
      : leads_(leads), products_(products), stride_(stride) {}

  std::size_t size() const { return leads_.size(); }
  double product(std::size_t i, std::size_t j) const { return products_[i * stride_ + j]; }
  bool own(std::size_t i) const { return leads_[i].own; }
  // Position of a lead; `size()` if it is not among them, or not its own.
  std::size_t find(std::string_view name) const {
    const auto place = std::find_if(leads_.begin(), leads_.end(),
                                    [&](const MeasuredLead& lead) { return lead.name == name && lead.own; });
    return static_cast<std::size_t>(place - leads_.begin());
  }
  double correlation(std::size_t i, std::size_t j) const {
    const double norm = std::sqrt(product(i, i) * product(j, j));
    return norm > 0 ? product(i, j) / norm : kNaN;
  }
  // Norm of the difference over the larger norm.
  double distance(std::size_t i, std::size_t j) const {
    const double larger = std::max(product(i, i), product(j, j));
    const double square = product(i, i) + product(j, j) - 2 * product(i, j);
    return larger > 0 ? std::sqrt(std::max(0.0, square) / larger) : kNaN;
  }

 private:
  std::span<const MeasuredLead> leads_;
  const std::vector<double>& products_;
  std::size_t stride_;
};

void compare_with_former(const Comparison& leads, std::size_t lead, QualityFigures& figures) {
  double& least = figures.leads[lead][index_of(Fault::duplicate)];
  figures.most_alike.push_back(lead);
  if (!leads.own(lead)) return;
  for (std::size_t other = 0; other < lead; ++other) {
    const double distance = leads.own(other) ? leads.distance(other, lead) : kNaN;
    if (!(std::isnan(least) || distance < least) || std::isnan(distance)) continue;
    least = distance;
    figures.most_alike[lead] = other;
  }
}

// How far a limb lead is from what I and II say, over the largest norm of the three.
double contradiction(const Comparison& leads, const LimbLead& limb, std::size_t lead, std::size_t one,
                     std::size_t two) {
  const double p11 = leads.product(one, one), p22 = leads.product(two, two), p = leads.product(lead, lead);
  const double square = p + limb.a * limb.a * p11 + limb.b * limb.b * p22 - 2 * limb.a * leads.product(lead, one) -
                        2 * limb.b * leads.product(lead, two) + 2 * limb.a * limb.b * leads.product(one, two);
  const double largest = std::max({p, p11, p22});
  return largest > 0 ? std::sqrt(std::max(0.0, square) / largest) : kNaN;
}

}  // namespace

void compare_leads(std::span<const MeasuredLead> leads, const std::vector<double>& products, std::size_t stride,
                   QualityFigures& figures) {
  const Comparison comparison(leads, products, stride);
  for (std::size_t lead = 0; lead < leads.size(); ++lead) compare_with_former(comparison, lead, figures);
  const std::size_t one = comparison.find("I"), two = comparison.find("II"), six = comparison.find("V6");
  if (one == leads.size()) return;
  if (six < leads.size()) figures.leads[one][index_of(Fault::arm_reversal)] = comparison.correlation(one, six);
  if (two == leads.size()) return;
  for (const LimbLead& limb : kLimbLeads) {
    const std::size_t lead = comparison.find(limb.name);
    if (lead == leads.size()) continue;
    figures.leads[lead][index_of(Fault::limb_algebra)] = contradiction(comparison, limb, lead, one, two);
  }
}

}  // namespace ecg2lab
