/* SPDX-License-Identifier: BSD-3-Clause */

#include "drivers/physics/raman.h"

#include <math.h>
#include <stddef.h>

#include "drivers/physics/itu_grid.h"

#define PUMP_NM  1550.0
#define FIRST_NM 1510
#define EDGE     1e-6 /* nm, of arithmetic */
#define PLANCK   6.62607015e-34
#define KELVIN_J 1.380649e-23
#define FIBRE_K  300.0
/* The gain's table belongs to this pump and mode field. */
#define GAIN_PUMP_THZ 206.184634112792
#define GAIN_AREA_UM2 75.74659443542413
#define AREA_UM2      80.0

/*
 * rho in 1e-9 / (km nm), 1510 to 1590 nm: as github.com/damianobacchin/ml-qkd, raman.py, tabulates
 * it, scaled to Eraerds 2010. At 1550 nm itself it lists the pump; the mean of its neighbours
 * stands here.
 */
static const double table[] = {
        2.2, 2.2, 2.2, 2.3, 2.3, 2.3, 2.4, 2.4, 2.4, 2.5, 2.6, 2.6, 2.7, 2.7, 2.8, 2.9, 3.0,
        3.1, 3.1, 3.2, 3.3, 3.4, 3.4, 3.5, 3.6, 3.7, 3.8, 3.9, 4.0, 3.9, 3.8, 3.6, 3.4, 3.3,
        2.7, 2.2, 1.9, 1.7, 1.6, 1.7, 1.8, 1.9, 1.8, 1.9, 2.1, 2.7, 3.4, 3.8, 4.3, 4.7, 4.9,
        5.0, 5.1, 5.1, 5.1, 5.0, 5.0, 5.0, 5.0, 4.9, 4.8, 4.7, 4.6, 4.6, 4.5, 4.4, 4.3, 4.2,
        4.1, 4.1, 4.1, 4.0, 4.0, 4.0, 3.9, 3.9, 3.8, 3.8, 3.7, 3.7, 3.7,
};
#define ENTRIES (sizeof(table) / sizeof(table[0]))

/*
 * Raman gain of standard fibre: shift in THz, 1 / (W m); GNPy's table. It is proportional to the
 * higher of the two frequencies.
 */
static const struct {
	double thz, gain;
} gains[] = {
        {0, 0.00000000e+00},     {0.5, 1.12351610e-05},   {1, 3.47838074e-05},
        {1.5, 5.79356636e-05},   {2, 8.06921680e-05},     {2.5, 9.79845709e-05},
        {3, 1.10454361e-04},     {3.5, 1.18735302e-04},   {4, 1.24736889e-04},
        {4.5, 1.30110053e-04},   {5, 1.41001273e-04},     {5.5, 1.46383247e-04},
        {6, 1.57011792e-04},     {6.5, 1.70765865e-04},   {7, 1.88408911e-04},
        {7.5, 2.05914127e-04},   {8, 2.24074028e-04},     {8.5, 2.47508283e-04},
        {9, 2.77729174e-04},     {9.5, 3.08044243e-04},   {10, 3.34764439e-04},
        {10.5, 3.56481704e-04},  {11, 3.77127256e-04},    {11.5, 3.96269124e-04},
        {12, 4.10955175e-04},    {12.5, 4.18718761e-04},  {12.75, 4.19511263e-04},
        {13, 4.17025384e-04},    {13.25, 4.13565369e-04}, {13.5, 4.07726048e-04},
        {14, 3.83671291e-04},    {14.5, 4.08564283e-04},  {14.75, 3.69571936e-04},
        {15, 3.14442090e-04},    {15.5, 2.16074535e-04},  {16, 1.23097823e-04},
        {16.5, 8.95457457e-05},  {17, 7.52470400e-05},    {17.5, 7.19806145e-05},
        {18, 8.87961158e-05},    {18.25, 9.30812065e-05}, {18.5, 9.37058268e-05},
        {18.75, 8.45719619e-05}, {19, 6.90585286e-05},    {19.5, 4.50407159e-05},
        {20, 3.36521245e-05},    {20.5, 3.02292475e-05},  {21, 2.69376939e-05},
        {21.5, 2.60020897e-05},  {22, 2.82958958e-05},    {22.5, 3.08667558e-05},
        {23, 3.66024657e-05},    {23.5, 5.80610307e-05},  {24, 6.54797937e-05},
        {24.5, 6.25022715e-05},  {25, 5.37806442e-05},    {25.5, 3.94996621e-05},
        {26, 2.68120644e-05},    {26.5, 2.33038554e-05},  {27, 1.79140757e-05},
        {27.5, 1.52472424e-05},  {28, 1.32707565e-05},    {28.5, 1.06541760e-05},
        {29, 9.84649374e-06},    {29.5, 9.13999627e-06},  {30, 9.08971012e-06},
        {30.5, 1.04227525e-05},  {31, 1.50419271e-05},    {31.5, 1.77838232e-05},
        {32, 2.15810815e-05},    {32.5, 2.03744008e-05},  {33, 1.81939341e-05},
        {33.5, 1.31862121e-05},  {34, 9.65352116e-06},    {34.5, 8.62698322e-06},
        {35, 9.18688016e-06},    {35.5, 1.01737784e-05},  {36, 1.08017817e-05},
        {36.5, 1.03903588e-05},  {37, 9.30040333e-06},    {37.5, 8.30809173e-06},
        {38, 6.90650401e-06},    {38.5, 5.52238029e-06},  {39, 3.90648708e-06},
        {39.5, 2.22908227e-06},  {40, 1.55796177e-06},    {40.5, 9.77218716e-07},
        {41, 3.23477236e-07},    {41.5, 1.60602454e-07},  {42, 7.97306386e-08},
};
#define GAINS (sizeof(gains) / sizeof(gains[0]))

double raman_alpha(double db_km)
{
	return db_km * M_LN10 / 10;
}

static double gain(double thz, double higher_thz)
{
	size_t i = 1;

	if (thz >= gains[GAINS - 1].thz)
		return 0;
	while (gains[i].thz < thz)
		i++;
	return (gains[i - 1].gain + (gains[i].gain - gains[i - 1].gain) * (thz - gains[i - 1].thz) /
	                                    (gains[i].thz - gains[i - 1].thz)) *
	       higher_thz / GAIN_PUMP_THZ * GAIN_AREA_UM2 / AREA_UM2;
}

double raman_rho_from_gain(double pump_nm, double quantum_nm)
{
	double pump = itu_ghz(pump_nm) / 1e3, quantum = itu_ghz(quantum_nm) / 1e3;
	double shift = pump - quantum, phonons;
	double hz_per_nm = quantum * 1e12 / quantum_nm;

	if (shift == 0)
		return 0;
	phonons = 1 / expm1(PLANCK * fabs(shift) * 1e12 / (KELVIN_J * FIBRE_K));
	/* To longer waves a phonon may also be made without one that is there. */
	if (shift > 0)
		phonons += 1;
	return PLANCK * quantum * 1e12 * gain(fabs(shift), fmax(pump, quantum)) * phonons *
	       hz_per_nm * 1e3;
}

double raman_rho(double pump_nm, double quantum_nm)
{
	/* Where the shift would lie for a pump at 1550 nm. */
	double nm = 1 / (1 / PUMP_NM + 1 / quantum_nm - 1 / pump_nm), at = nm - FIRST_NM;
	size_t i;

	if (!(at >= -EDGE && at <= (double)(ENTRIES - 1) + EDGE))
		return raman_rho_from_gain(pump_nm, quantum_nm);
	i = at < (double)(ENTRIES - 1) ? (size_t)fmax(at, 0) : ENTRIES - 2;
	return 1e-9 * (table[i] + (table[i + 1] - table[i]) * (at - (double)i)) *
	       pow(nm / quantum_nm, 4);
}

double raman_forward_km(double length_km, double pump_db_km, double quantum_db_km)
{
	double p = raman_alpha(pump_db_km), q = raman_alpha(quantum_db_km), d = q - p;

	/* (e^(-p L) - e^(-q L)) / (q - p), without loss of digits near p = q. */
	if (fabs(d * length_km) < 1e-9)
		return length_km * exp(-p * length_km);
	return exp(-p * length_km) * -expm1(-d * length_km) / d;
}

double raman_backward_km(double length_km, double pump_db_km, double quantum_db_km)
{
	double sum = raman_alpha(pump_db_km) + raman_alpha(quantum_db_km);

	return sum > 0 ? -expm1(-sum * length_km) / sum : length_km;
}
