/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A picture filtered on analog arrays, from C: a 3 x 3 convolution that finds the edges of a disc, on the cells of a chip as
 * programmed and as they are a year later. Every call that can fail is checked, and at the end one is made to fail.
 */
#include <imperfect/imperfect.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 20, PIXELS = SIDE * SIDE };

/* Ends the program with the text of the last error unless a call went well. */
static void require(imperfect_status status, const char* what) {
  if (status == IMPERFECT_OK) return;
  fprintf(stderr, "%s: %s\n", what, status == IMPERFECT_NO_MEMORY ? "no memory" : imperfect_last_error());
  exit(1);
}

static void draw_disc(float* picture) {
  for (int y = 0; y < SIDE; ++y)
    for (int x = 0; x < SIDE; ++x) picture[y * SIDE + x] = hypot(x - 9.5, y - 9.5) < 7.0 ? 1.0f : 0.0f;
}

static imperfect_options filter_options(void) {
  imperfect_options options;
  imperfect_default_options(&options); /* ideal; then what is not */
  options.kernel[0] = options.kernel[1] = 3;
  for (int axis = 0; axis < 2; ++axis) options.pad_begin[axis] = options.pad_end[axis] = 1;
  options.weight_bits = 5;
  options.cell_bits = 2;
  options.programming = IMPERFECT_LAW_GAUSSIAN;
  options.programming_sigma = 0.04;
  options.drift = IMPERFECT_DRIFT_POWER;
  options.drift_nu = 0.03;
  options.drift_nu_sigma = 0.02;
  options.adc_bits = 6;
  options.adc_range = IMPERFECT_ADC_CALIBRATED;
  options.seed = 7;
  return options;
}

static void filter(const imperfect_layer* layer, const float* picture, float* edges) {
  int32_t height = 0, width = 0;
  require(imperfect_layer_output_size(layer, SIDE, SIDE, &height, &width), "size");
  require(imperfect_layer_forward(layer, picture, 1, SIDE, SIDE, edges, (size_t)height * (size_t)width), "forward");
}

static void print_row(const float* row) {
  for (int x = 0; x < SIDE; ++x) putchar(" .:*#"[(int)fmin(fmax(row[x] + 0.5, 0.0), 4.0)]);
}

/* Mean distance of two pictures. */
static double distance(const float* a, const float* b) {
  double sum = 0.0;
  for (int i = 0; i < PIXELS; ++i) sum += fabs((double)a[i] - (double)b[i]);
  return sum / PIXELS;
}

int main(void) {
  static const float laplace[9] = {-1, -1, -1, -1, 8, -1, -1, -1, -1};
  static float picture[PIXELS], exact[PIXELS], fresh[PIXELS], aged[PIXELS];
  imperfect_options ideal, options = filter_options();
  imperfect_layer *exact_layer = NULL, *layer = NULL, *later = NULL;

  draw_disc(picture);
  ideal = options;
  ideal.weight_bits = ideal.cell_bits = ideal.adc_bits = 0;
  ideal.adc_range = IMPERFECT_ADC_FULL;
  ideal.programming = IMPERFECT_LAW_NONE;
  require(imperfect_layer_create(&ideal, laplace, 9, NULL, &exact_layer), "create");
  require(imperfect_layer_create(&options, laplace, 9, NULL, &layer), "create");
  require(imperfect_layer_calibrate(layer, picture, 1, SIDE, SIDE), "calibrate");
  require(imperfect_layer_at(layer, 365 * 86400.0, &later), "at"); /* its own cells and handle; `layer` is as it was */
  filter(exact_layer, picture, exact);
  filter(layer, picture, fresh);
  filter(later, picture, aged);
  for (int y = 0; y < SIDE; ++y) {
    print_row(fresh + y * SIDE);
    printf("   ");
    print_row(aged + y * SIDE);
    putchar('\n');
  }
  printf("mean error: %.3f as programmed, %.3f a year later\n", distance(fresh, exact), distance(aged, exact));
  imperfect_layer_free(later);
  imperfect_layer_free(layer);
  imperfect_layer_free(exact_layer);

  options.cell_bits = 9;
  if (imperfect_layer_create(&options, laplace, 9, NULL, &layer) != IMPERFECT_INVALID) return 1;
  printf("refused, as it should be: %s\n", imperfect_last_error());
  return distance(fresh, exact) > 0.0 && distance(fresh, exact) < distance(aged, exact) ? 0 : 1;
}
