/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/sor_svg.h"

#include <errno.h>
#include <math.h>

#define WIDTH   1200
#define PLOT_W  1100
#define PLOT_H  460
#define LEFT    70
#define TOP     50
#define ROW     18
#define COLUMNS PLOT_W /* one of the curve a pixel */

struct frame {
	FILE *out;
	double km, low_db, high_db; /* of the axes */
};

/* Text of a file is anybody's: nothing that SVG would take for its own. */
static void text(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '<' || c == '>' || c == '&' || c == '"' || c < ' ' || c > '~')
			fputc(' ', out);
		else
			fputc(c, out);
	}
}

static double x_of(const struct frame *f, double km)
{
	return LEFT + PLOT_W * km / f->km;
}

/* Less light is further down. */
static double y_of(const struct frame *f, double db)
{
	return TOP + PLOT_H * (db - f->low_db) / (f->high_db - f->low_db);
}

/* 1, 2 or 5 times a power of ten that gives about N steps. */
static double step_of(double range, int n)
{
	double raw = range / n, power = pow(10, floor(log10(raw))), m = raw / power;

	return power * (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10);
}

static void grid(const struct frame *f)
{
	double dx = step_of(f->km, 10), dy = step_of(f->high_db - f->low_db, 8);

	fputs("<g stroke=\"#ddd\" fill=\"#444\" font-size=\"12\">\n", f->out);
	for (double km = 0; km <= f->km * 1.0001; km += dx)
		fprintf(f->out,
		        "<path d=\"M%.1f %dV%d\"/><text stroke=\"none\" x=\"%.1f\" y=\"%d\" "
		        "text-anchor=\"middle\">%g</text>\n",
		        x_of(f, km), TOP, TOP + PLOT_H, x_of(f, km), TOP + PLOT_H + 16, km);
	for (double db = ceil(f->low_db / dy) * dy; db <= f->high_db; db += dy)
		fprintf(f->out,
		        "<path d=\"M%d %.1fH%d\"/><text stroke=\"none\" x=\"%d\" y=\"%.1f\" "
		        "text-anchor=\"end\">%g</text>\n",
		        LEFT, y_of(f, db), LEFT + PLOT_W, LEFT - 6, y_of(f, db) + 4, -db);
	fprintf(f->out,
	        "<text stroke=\"none\" x=\"%d\" y=\"%d\" text-anchor=\"end\">km</text>"
	        "<text stroke=\"none\" x=\"%d\" y=\"%d\">dB</text>\n</g>\n",
	        LEFT + PLOT_W, TOP + PLOT_H + 32, LEFT - 40, TOP - 8);
}

/* In each column of pixels from the least to the most: no spike gets lost. */
static void curve(const struct frame *f, const struct sor *s, double km_per_point)
{
	uint32_t i = 0;

	fputs("<path fill=\"none\" stroke=\"#06c\" d=\"", f->out);
	for (int column = 0; column < COLUMNS && i < s->point_count; column++) {
		double end = f->km * (column + 1) / COLUMNS, low = INFINITY, high = -INFINITY;

		for (; i < s->point_count && i * km_per_point < end; i++) {
			double db = sor_point_db(s, i);

			low = fmin(low, db);
			high = fmax(high, db);
		}
		if (low > high)
			continue;
		fprintf(f->out, "%c%d %.1fL%d %.1f", column == 0 ? 'M' : 'L', LEFT + column,
		        y_of(f, low), LEFT + column, y_of(f, fmin(high, f->high_db)));
	}
	fputs("\"/>\n", f->out);
}

static void events(const struct frame *f, const struct sor *s)
{
	int y = TOP + PLOT_H + 60;

	fputs("<g font-size=\"12\" fill=\"#222\">\n", f->out);
	for (unsigned int i = 0; i < s->event_count; i++) {
		const struct sor_event *e = &s->events[i];
		double km = sor_distance_km(s, e->time);
		const char *colour = e->type[1] == 'E'   ? "#c00"
		                     : e->type[0] == '0' ? "#090"
		                                         : "#c60";

		if (km <= f->km)
			fprintf(f->out,
			        "<path stroke=\"%s\" stroke-dasharray=\"3 3\" d=\"M%.1f %dV%d\"/>"
			        "<text x=\"%.1f\" y=\"%d\" fill=\"%s\">%u</text>\n",
			        colour, x_of(f, km), TOP, TOP + PLOT_H, x_of(f, km) + 2, TOP + 12,
			        colour, e->number);
		fprintf(f->out,
		        "<text x=\"%d\" y=\"%d\" fill=\"%s\" xml:space=\"preserve\">%3u   %9.4f km"
		        "   loss %7.3f dB   ",
		        LEFT, y, colour, e->number, km, e->loss * 1e-3);
		if (e->reflectance != 0)
			fprintf(f->out, "reflectance %6.1f dB   ", e->reflectance * 1e-3);
		text(f->out, e->comment);
		fputs("</text>\n", f->out);
		y += ROW;
	}
	fputs("</g>\n", f->out);
}

/* Axes: all of the fibre and a tenth more, the light and not what noise has at its lowest. */
static void choose_axes(struct frame *f, const struct sor *s, double km_per_point)
{
	double range = s->point_count * km_per_point, last = 0;

	f->low_db = INFINITY;
	for (uint32_t i = 0; i < s->point_count; i++)
		f->low_db = fmin(f->low_db, sor_point_db(s, i));
	f->low_db = floor(f->low_db);
	for (unsigned int i = 0; i < s->event_count; i++)
		last = fmax(last, sor_distance_km(s, s->events[i].time));
	f->km = last > 0 && last * 1.1 < range ? last * 1.1 : range;
	f->high_db = f->low_db + 10;
	for (uint32_t i = 0; i < s->point_count; i++) {
		double db = sor_point_db(s, i);

		if (i * km_per_point <= f->km && db < 60)
			f->high_db = fmax(f->high_db, ceil(db));
	}
}

int sor_svg(const struct sor *s, const char *title, FILE *out)
{
	double km_per_point = sor_distance_km(s, s->spacing * 1e-4);
	struct frame f = {.out = out};
	int height = TOP + PLOT_H + 80 + ROW * (int)s->event_count;

	if (!(km_per_point > 0))
		km_per_point = 1; /* a file without an index: by number of the point */
	choose_axes(&f, s, km_per_point);
	fprintf(out,
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
	        "font-family=\"monospace\">\n<rect width=\"100%%\" height=\"100%%\" "
	        "fill=\"white\"/>\n<text x=\"%d\" y=\"24\" font-size=\"15\">",
	        WIDTH, height, LEFT);
	text(out, title);
	fprintf(out, " %g nm, %u ns, %u averages, total %.3f dB</text>\n", sor_wavelength_nm(s),
	        s->pulse_ns, s->averages, s->total_loss * 1e-3);
	grid(&f);
	curve(&f, s, km_per_point);
	events(&f, s);
	fputs("</svg>\n", out);
	return ferror(out) || fflush(out) != 0 ? -EIO : 0;
}
