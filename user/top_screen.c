// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <curses.h>
#include "cleanup.h"
#include "top_keys.h"
#include "top_screen.h"

enum { RESTORE_MAX = 256, ESCAPE_MS = 25, PAIR_PASS = 1, PAIR_DROP, PAIR_WARN };

static const int asking_to_end[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

/* Signal handlers get no argument: what they need is here. */
static struct {
	SCREEN *screen;
	bool utf8;
	volatile sig_atomic_t signal;
	struct termios before;
	char restore[RESTORE_MAX]; /* what makes the terminal itself again */
	size_t n_restore;
	sigset_t mask_before;
} terminal;

static void on_end(int signal)
{
	terminal.signal = signal;
}

/* Only what is safe in a signal handler. */
static void on_crash(int signal)
{
	ssize_t written = write(STDOUT_FILENO, terminal.restore, terminal.n_restore);

	(void)written;
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
	raise(signal); /* its handler is the default one again */
}

/* Without the pauses ("$<5>") that old terminals wanted. */
static void add_restore(const char *capability)
{
	const char *text = tigetstr(capability);

	if (!text || text == (const char *)-1)
		return;
	for (const char *c = text; *c && terminal.n_restore < RESTORE_MAX; c++) {
		if (c[0] == '$' && c[1] == '<' && strchr(c, '>'))
			c = strchr(c, '>');
		else
			terminal.restore[terminal.n_restore++] = *c;
	}
}

static void handle(const int *signals, size_t n, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < n; i++)
		sigaction(signals[i], &action, NULL);
}

/* They are let in while waiting, and never in the middle of something. */
static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(asking_to_end); i++)
		sigaddset(&set, asking_to_end[i]);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &terminal.mask_before);
}

static void choose_colours(void)
{
	if (getenv("NO_COLOR") || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	init_pair(PAIR_PASS, COLOR_GREEN, -1);
	init_pair(PAIR_DROP, COLOR_RED, -1);
	init_pair(PAIR_WARN, COLOR_YELLOW, -1);
}

int screen_open(struct error *err)
{
	const char *type = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &terminal.before))
		return error_set(err, ENOTTY,
				 "top needs a terminal: for scripts and logs there is --once");
	setlocale(LC_CTYPE, "");
	terminal.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	block_signals();
	/* Before ncurses sets its own, which end the process as they like. */
	handle(asking_to_end, ARRAY_SIZE(asking_to_end), on_end, 0);
	terminal.screen = newterm(NULL, stdout, stdin);
	if (!terminal.screen) {
		screen_close();
		return error_set(err, ENOTTY,
				 "the terminal's type (TERM=%.32s) is not known: set it to one "
				 "that is, as xterm, or use --once",
				 type ? type : "");
	}
	add_restore("cnorm");
	add_restore("sgr0");
	add_restore("rmkx");
	add_restore("rmcup");
	handle(crashes, ARRAY_SIZE(crashes), on_crash, (int)SA_RESETHAND | SA_NODEFER);
	atexit(screen_close);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	choose_colours();
	return 0;
}

void screen_close(void)
{
	if (terminal.screen) {
		endwin();
		handle(crashes, ARRAY_SIZE(crashes), SIG_DFL, 0);
		delscreen(terminal.screen);
		terminal.screen = NULL;
	}
	handle(asking_to_end, ARRAY_SIZE(asking_to_end), SIG_DFL, 0);
	sigprocmask(SIG_SETMASK, &terminal.mask_before, NULL);
}

bool screen_utf8(void)
{
	return terminal.utf8;
}

void screen_size(int *rows, int *columns)
{
	getmaxyx(stdscr, *rows, *columns);
}

static attr_t attributes(uint32_t style)
{
	static const attr_t of[STYLES] = {
		[STYLE_PLAIN] = A_NORMAL,
		[STYLE_DIM] = A_DIM,
		[STYLE_BOLD] = A_BOLD,
		[STYLE_BAR] = A_REVERSE,
		[STYLE_PASS] = COLOR_PAIR(PAIR_PASS),
		[STYLE_DROP] = COLOR_PAIR(PAIR_DROP),
		[STYLE_WARN] = COLOR_PAIR(PAIR_WARN),
	};

	return style < STYLES ? of[style] : A_NORMAL;
}

static void show_cell(int row, int column, const struct cell *c)
{
	const wchar_t text[2] = { (wchar_t)c->character };

	attrset(attributes(c->style));
	if (c->character < 0x80)
		mvaddch(row, column, c->character);
	else
		mvaddnwstr(row, column, text, 1);
}

void screen_show(const struct grid *g)
{
	erase();
	for (int row = 0; row < g->rows; row++) {
		for (int column = 0; column < g->columns; column++) {
			struct cell c = grid_cell(g, row, column);

			show_cell(row, column, &c);
		}
	}
	refresh();
}

void screen_wait(int milliseconds)
{
	const struct timespec timeout = { milliseconds / 1000, milliseconds % 1000 * 1000000L };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int rc = ppoll(&input, 1, &timeout, &terminal.mask_before);

	if (rc > 0 && input.revents & (POLLHUP | POLLERR | POLLNVAL))
		terminal.signal = SIGHUP;
}

int screen_key(void)
{
	int key = getch();

	switch (key) {
	case ERR:
		return -1;
	case KEY_ENTER:
	case '\r':
		return TOP_KEY_ENTER;
	case KEY_BACKSPACE:
	case '\b':
		return TOP_KEY_BACKSPACE;
	default:
		return key < 0x80 ? key : 0;
	}
}

int screen_signal(void)
{
	return terminal.signal;
}
