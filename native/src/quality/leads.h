// What leads say of each other: one that repeats another, limb leads that contradict, electrodes that were exchanged.
#pragma once

#include <span>
#include <vector>

#include "quality/figures.h"

namespace ecg2lab {

// `products` (stride, stride): inner products of the leads from 5 to 40 Hz.
void compare_leads(std::span<const MeasuredLead> leads, const std::vector<double>& products, std::size_t stride,
                   QualityFigures& figures);

}  // namespace ecg2lab
